/**
 * What IOMMU drivers implement, and the hardware port they stand on.
 *
 * <p>A driver depends on this package and {@code org.iommu4j.api} only, never on a core.
 */
@NullMarked
package org.iommu4j.spi;

import org.jspecify.annotations.NullMarked;
