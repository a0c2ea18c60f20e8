/** Groups: members, ownership, domain switches, the reset fence, the PASID table. */
@NullMarked
package org.iommu4j.core.group;

import org.jspecify.annotations.NullMarked;
