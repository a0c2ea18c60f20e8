package org.iommu4j.api;

/**
 * What a domain is for, as a set of bits (CORE-009).
 *
 * <pre>
 *  64      32        16   8            4             2        1
 *  nested  platform  SVA  flush queue  pass-through  DMA API  paging
 * </pre>
 */
@Mirrors({"iommu_domain.type", "__IOMMU_DOMAIN_PAGING", "__IOMMU_DOMAIN_PT"})
public enum DomainType {
  /** All DMA is blocked. */
  @Mirrors("IOMMU_DOMAIN_BLOCKED")
  BLOCKED(0, "blocked", "Blocked"),
  /** DMA addresses are physical addresses. */
  @Mirrors("IOMMU_DOMAIN_IDENTITY")
  IDENTITY(4, "identity", "Passthrough"),
  /** Mappings are managed by a consumer of the core, for example a virtual machine monitor. */
  @Mirrors("IOMMU_DOMAIN_UNMANAGED")
  UNMANAGED(1, "unmanaged", "Unmanaged"),
  /** Mappings are managed by the DMA layer; an unmap is complete when it returns (strict). */
  @Mirrors({"IOMMU_DOMAIN_DMA", "__IOMMU_DOMAIN_DMA_API"})
  DMA(3, "DMA", "Translated"),
  /** As {@link #DMA}, but invalidation is batched in a flush queue (lazy). */
  @Mirrors({"IOMMU_DOMAIN_DMA_FQ", "__IOMMU_DOMAIN_DMA_FQ"})
  DMA_FQ(11, "DMA-FQ", "Translated"),
  /** The address space of a process is shared with the device. */
  @Mirrors({"IOMMU_DOMAIN_SVA", "__IOMMU_DOMAIN_SVA"})
  SVA(16, "unknown", "Unknown"),
  /** Translation is set up by the platform, outside the core's control. */
  @Mirrors({"IOMMU_DOMAIN_PLATFORM", "__IOMMU_DOMAIN_PLATFORM"})
  PLATFORM(32, "unknown", "Platform"),
  /** A guest's own table on top of another domain. */
  @Mirrors({"IOMMU_DOMAIN_NESTED", "__IOMMU_DOMAIN_NESTED"})
  NESTED(64, "unknown", "Unknown");

  private static final int PAGING_BIT = 1;
  private static final int DMA_API_BIT = 2;

  private final int bits;
  private final String sysfsName;
  private final String logName;

  DomainType(int bits, String sysfsName, String logName) {
    this.bits = bits;
    this.sysfsName = sysfsName;
    this.logName = logName;
  }

  /**
   * The bit set of this type.
   *
   * @return a combination of the bits in the class comment
   */
  public int bits() {
    return bits;
  }

  /**
   * Whether mappings can be made in domains of this type.
   *
   * @return true for UNMANAGED, DMA and DMA_FQ
   */
  public boolean isPaging() {
    return (bits & PAGING_BIT) != 0;
  }

  /**
   * Whether the DMA layer manages domains of this type.
   *
   * @return true for DMA and DMA_FQ
   */
  @Mirrors("iommu_is_dma_domain")
  public boolean isDma() {
    return (bits & DMA_API_BIT) != 0;
  }

  /**
   * The text that a group's {@code type} file shows (CORE-805).
   *
   * @return for example {@code DMA-FQ}, or {@code unknown}
   */
  public String sysfsName() {
    return sysfsName;
  }

  /**
   * The text used in log messages (CORE-011).
   *
   * @return for example {@code Translated}
   */
  public String logName() {
    return logName;
  }
}
