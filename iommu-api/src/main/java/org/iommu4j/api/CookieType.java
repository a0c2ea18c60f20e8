package org.iommu4j.api;

/** What a domain carries besides its mappings; acquired once, never converted (CORE-462). */
@Mirrors({"iommu_domain_cookie_type", "iommu_domain.cookie_type"})
public enum CookieType {
  /** Nothing. */
  @Mirrors("IOMMU_COOKIE_NONE")
  NONE,
  /** The IOVA space of the DMA layer. */
  @Mirrors("IOMMU_COOKIE_DMA_IOVA")
  DMA_IOVA,
  /** A window from which MSI doorbell pages are handed out. */
  @Mirrors("IOMMU_COOKIE_DMA_MSI")
  DMA_MSI,
  /** A consumer's fault handler. */
  @Mirrors("IOMMU_COOKIE_FAULT_HANDLER")
  FAULT_HANDLER,
  /** A shared process address space. */
  @Mirrors("IOMMU_COOKIE_SVA")
  SVA,
  /** State of the user-space interface. */
  @Mirrors("IOMMU_COOKIE_IOMMUFD")
  IOMMUFD
}
