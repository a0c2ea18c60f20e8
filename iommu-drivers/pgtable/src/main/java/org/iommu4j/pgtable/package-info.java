/**
 * Page tables in the formats of real hardware: two algorithms, {@link
 * org.iommu4j.pgtable.RadixPageTable} and {@link org.iommu4j.pgtable.LpaePageTable}, which differ
 * in kind as their counterparts in Linux do, over {@link org.iommu4j.spi.PhysicalMemory}.
 */
@NullMarked
package org.iommu4j.pgtable;

import org.jspecify.annotations.NullMarked;
