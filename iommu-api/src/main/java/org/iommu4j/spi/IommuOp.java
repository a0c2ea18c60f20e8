package org.iommu4j.spi;

import org.iommu4j.api.Mirrors;

/** The optional operations of a driver; it declares which of them it has. */
@Mirrors("iommu_ops")
public enum IommuOp {
  /** {@link IommuOps#releaseDevice}. */
  @Mirrors("iommu_ops.release_device")
  RELEASE_DEVICE,
  /** {@link IommuOps#probeFinalize}. */
  @Mirrors("iommu_ops.probe_finalize")
  PROBE_FINALIZE,
  /** {@link IommuOps#defDomainType}. */
  @Mirrors("iommu_ops.def_domain_type")
  DEF_DOMAIN_TYPE,
  /** {@link IommuOps#isAttachDeferred}. */
  @Mirrors("iommu_ops.is_attach_deferred")
  IS_ATTACH_DEFERRED,
  /** {@link IommuOps#resvRegions}. */
  @Mirrors("iommu_ops.get_resv_regions")
  GET_RESV_REGIONS,
  /** {@link IommuOps#capable}. */
  @Mirrors("iommu_ops.capable")
  CAPABLE,
  /** {@link IommuOps#ofXlate}. */
  @Mirrors("iommu_ops.of_xlate")
  OF_XLATE,
  /** {@link IommuOps#domainAllocPaging}. */
  @Mirrors("iommu_ops.domain_alloc_paging")
  DOMAIN_ALLOC_PAGING,
  /** {@link IommuOps#domainAllocPagingFlags}. */
  @Mirrors("iommu_ops.domain_alloc_paging_flags")
  DOMAIN_ALLOC_PAGING_FLAGS,
  /** {@link IommuOps#domainAllocIdentity}. */
  @Mirrors("iommu_ops.domain_alloc_identity")
  DOMAIN_ALLOC_IDENTITY
}
