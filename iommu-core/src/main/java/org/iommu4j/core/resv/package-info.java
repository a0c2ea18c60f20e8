/** Reserved regions: the sorted, merged list of a group. */
@NullMarked
package org.iommu4j.core.resv;

import org.jspecify.annotations.NullMarked;
