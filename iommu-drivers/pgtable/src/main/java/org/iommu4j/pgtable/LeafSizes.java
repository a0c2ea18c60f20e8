package org.iommu4j.pgtable;

import org.iommu4j.api.Mirrors;

/** Which page sizes a range is mapped with. */
final class LeafSizes {
  private LeafSizes() {}

  /**
   * The largest size that fits and to which both addresses are aligned (PTG-006).
   *
   * @return log2 of the size, 0 if none fits
   */
  @Mirrors("pt_compute_best_pgsize")
  static int best(long sizes, long iova, long paddr, long size) {
    long aligned = Long.lowestOneBit(iova | paddr);
    long upToAlignment = aligned == 0 ? -1L : aligned | (aligned - 1);
    long upToSize = -1L >>> Long.numberOfLeadingZeros(size);
    long fit = sizes & upToAlignment & upToSize;
    return fit == 0 ? 0 : Long.SIZE - 1 - Long.numberOfLeadingZeros(fit);
  }

  /** How many leaves of a size are mapped before a larger size is tried (PTG-007). */
  @Mirrors("pt_pgsz_count")
  static long count(long sizes, long iova, long paddr, long size, int sizeLg2) {
    long larger = sizes & -2L << sizeLg2;
    if (larger != 0) {
      long next = Long.lowestOneBit(larger);
      if (((iova ^ paddr) & (next - 1)) == 0) {
        long toBoundary = next - (iova & (next - 1));
        return (Long.compareUnsigned(toBoundary, size) < 0 ? toBoundary : size) >>> sizeLg2;
      }
    }
    return size >>> sizeLg2;
  }
}
