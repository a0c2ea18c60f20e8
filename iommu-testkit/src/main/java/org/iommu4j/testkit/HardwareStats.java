package org.iommu4j.testkit;

/**
 * What a hardware model has done since it was made, as counted at one moment.
 *
 * @param translations accesses that asked for a translation, refused ones included
 * @param iotlbHits of these, answered by a cached translation
 * @param iotlbMisses of these, sent to the page tables
 * @param rangeInvalidations commands that dropped a range of a domain
 * @param domainInvalidations commands that dropped a whole domain
 * @param deviceInvalidations commands that dropped the configuration of a device
 * @param faults refused accesses
 * @param staleHits accesses for which something cached was used that tables no longer say
 * @param interruptMessages writes that were interrupt messages
 */
public record HardwareStats(
    long translations,
    long iotlbHits,
    long iotlbMisses,
    long rangeInvalidations,
    long domainInvalidations,
    long deviceInvalidations,
    long faults,
    long staleHits,
    long interruptMessages) {
  /**
   * All commands that made the hardware forget something.
   *
   * @return the sum of the three kinds
   */
  public long invalidations() {
    return rangeInvalidations + domainInvalidations + deviceInvalidations;
  }
}
