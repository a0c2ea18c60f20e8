package org.iommu4j.api;

/** The kind of access that faulted (CORE-1004). */
public enum FaultAccess {
  /** A read. */
  @Mirrors("IOMMU_FAULT_READ")
  READ,
  /** A write. */
  @Mirrors("IOMMU_FAULT_WRITE")
  WRITE;

  /**
   * The number in trace events.
   *
   * @return 0 for a read, 1 for a write
   */
  public int flags() {
    return ordinal();
  }
}
