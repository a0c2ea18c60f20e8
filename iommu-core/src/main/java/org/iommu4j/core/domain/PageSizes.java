package org.iommu4j.core.domain;

/** Which page size the next step of a map or unmap uses, and how many pages of it (CORE-506). */
final class PageSizes {
  private PageSizes() {}

  /**
   * The largest supported size that is not larger than what remains and divides both addresses.
   *
   * @param sizes supported sizes
   * @param iova an address that is a multiple of the smallest size
   * @param paddr likewise
   * @param remaining bytes, at least the smallest size
   * @return one of the sizes
   */
  static long largest(long sizes, long iova, long paddr, long remaining) {
    // Sizes that fit are those not above the highest bit of what remains ...
    long fitting = sizes & upTo(Long.highestOneBit(remaining));
    // ... and sizes that divide both addresses those not above their lowest common set bit.
    long addresses = iova | paddr;
    if (addresses != 0) {
      fitting &= upTo(Long.lowestOneBit(addresses));
    }
    if (fitting == 0) {
      throw new IllegalStateException(
          String.format(
              "no page size of 0x%x fits iova 0x%x, physical address 0x%x, size 0x%x (CORE-1026)",
              sizes, iova, paddr, remaining));
    }
    return Long.highestOneBit(fitting);
  }

  /**
   * How many pages of a size to take: all that remain, or only those up to the next boundary at
   * which a larger page can be used (CORE-507).
   *
   * @param sizes supported sizes
   * @param size from {@link #largest}
   * @param iova the address
   * @param paddr the physical address
   * @param remaining bytes
   * @return one or more
   */
  static long count(long sizes, long size, long iova, long paddr, long remaining) {
    long bytes = remaining;
    long larger = Long.lowestOneBit(sizes & ~upTo(size));
    boolean aligned = larger != 0 && ((iova ^ paddr) & (larger - 1)) == 0;
    if (aligned) {
      long toBoundary = larger - ((iova | paddr) & (larger - 1));
      long onePageBeyond = toBoundary + larger;
      boolean overflow = Long.compareUnsigned(onePageBeyond, toBoundary) < 0;
      if (!overflow && Long.compareUnsigned(onePageBeyond, remaining) <= 0) {
        bytes = toBoundary;
      }
    }
    return bytes >>> Long.numberOfTrailingZeros(size);
  }

  /** All bits up to and including a power of two. */
  private static long upTo(long powerOfTwo) {
    return powerOfTwo | powerOfTwo - 1;
  }
}
