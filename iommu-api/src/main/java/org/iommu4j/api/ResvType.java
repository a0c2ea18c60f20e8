package org.iommu4j.api;

/** Why an address range is reserved for a device; the order is the sort order (CORE-700). */
@Mirrors("iommu_resv_type")
public enum ResvType {
  /** Must be mapped one-to-one at all times. */
  @Mirrors("IOMMU_RESV_DIRECT")
  DIRECT("direct"),
  /** Mapped one-to-one, but may be dropped when the device is assigned to a consumer. */
  @Mirrors("IOMMU_RESV_DIRECT_RELAXABLE")
  DIRECT_RELAXABLE("direct-relaxable"),
  /** Must never be mapped. */
  @Mirrors("IOMMU_RESV_RESERVED")
  RESERVED("reserved"),
  /** The hardware MSI window, which is not translated. */
  @Mirrors("IOMMU_RESV_MSI")
  MSI("msi"),
  /** The window in which software maps MSI doorbells. */
  @Mirrors("IOMMU_RESV_SW_MSI")
  SW_MSI("msi");

  private final String sysfsName;

  ResvType(String sysfsName) {
    this.sysfsName = sysfsName;
  }

  /**
   * The text in a {@code reserved_regions} file (CORE-803).
   *
   * @return for example {@code direct-relaxable}
   */
  public String sysfsName() {
    return sysfsName;
  }
}
