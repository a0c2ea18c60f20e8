package org.iommu4j.api;

/**
 * One piece of a scatter-gather list (CORE-520).
 *
 * @param physicalAddress where it lies
 * @param length bytes
 * @param busAddress whether it is a peer-to-peer bus address, which gets no IOVA
 */
public record SgSegment(long physicalAddress, long length, boolean busAddress) {
  /**
   * A piece of ordinary memory.
   *
   * @param physicalAddress where it lies
   * @param length bytes
   * @return the segment
   */
  public static SgSegment of(long physicalAddress, long length) {
    return new SgSegment(physicalAddress, length, false);
  }

  /**
   * A peer-to-peer bus address.
   *
   * @param busAddress the address on the bus
   * @param length bytes
   * @return the segment
   */
  public static SgSegment bus(long busAddress, long length) {
    return new SgSegment(busAddress, length, true);
  }
}
