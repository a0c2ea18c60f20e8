package org.iommu4j.testkit.vfio;

import java.util.List;

/**
 * What {@code VFIO_IOMMU_GET_INFO} tells.
 *
 * @param pageSizes the page sizes that all domains of the container have, one bit per size in bytes
 * @param iovaRanges where addresses may be mapped, ascending
 */
public record VfioInfo(long pageSizes, List<IovaWindow> iovaRanges) {
  /**
   * Copies the ranges.
   *
   * @param pageSizes one bit per size in bytes
   * @param iovaRanges ascending
   */
  public VfioInfo {
    iovaRanges = List.copyOf(iovaRanges);
  }

  /**
   * A range of addresses.
   *
   * @param start first address
   * @param last last address, inclusive
   */
  public record IovaWindow(long start, long last) {
    boolean contains(long first, long end) {
      return Long.compareUnsigned(start, first) <= 0 && Long.compareUnsigned(end, last) <= 0;
    }

    @Override
    public String toString() {
      return String.format("0x%x-0x%x", start, last);
    }
  }
}
