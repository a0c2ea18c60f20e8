/** Groups from a PCI topology. */
@NullMarked
package org.iommu4j.core.grouping;

import org.jspecify.annotations.NullMarked;
