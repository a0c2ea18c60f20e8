package org.iommu4j.api;

import java.util.Locale;

/** Something a driver may or may not be able to do for one device (CORE-469). */
@Mirrors("iommu_cap")
public enum Capability {
  /** DMA can be made cache coherent by a mapping. */
  @Mirrors("IOMMU_CAP_CACHE_COHERENCY")
  CACHE_COHERENCY,
  /** Mappings can forbid instruction fetches. */
  @Mirrors("IOMMU_CAP_NOEXEC")
  NOEXEC,
  /** Firmware protected memory from DMA before the system started. */
  @Mirrors("IOMMU_CAP_PRE_BOOT_PROTECTION")
  PRE_BOOT_PROTECTION,
  /** Domains made for the device can force coherent DMA (CORE-553). */
  @Mirrors("IOMMU_CAP_ENFORCE_CACHE_COHERENCY")
  ENFORCE_CACHE_COHERENCY,
  /** Invalidation may be delayed: the driver supports flush queues (CORE-181). */
  @Mirrors("IOMMU_CAP_DEFERRED_FLUSH")
  DEFERRED_FLUSH,
  /** Domains can track which pages were written (CORE-555). */
  @Mirrors("IOMMU_CAP_DIRTY_TRACKING")
  DIRTY_TRACKING,
  /** The path to the device supports PCI address translation services. */
  @Mirrors("IOMMU_CAP_PCI_ATS_SUPPORTED")
  PCI_ATS;

  /**
   * The name in lower case, as traces and tools write it.
   *
   * @return for example {@code deferred_flush}
   */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
