/** The library's own DMA layer. */
@NullMarked
package org.iommu4j.core.dma;

import org.jspecify.annotations.NullMarked;
