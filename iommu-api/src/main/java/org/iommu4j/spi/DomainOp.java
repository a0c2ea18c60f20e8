package org.iommu4j.spi;

import org.iommu4j.api.Mirrors;

/** The optional operations of a domain; its {@link DomainOps} declares which of them it has. */
@Mirrors("iommu_domain_ops")
public enum DomainOp {
  /** {@link DomainOps#attachDev}. */
  @Mirrors("iommu_domain_ops.attach_dev")
  ATTACH_DEV,
  /** {@link DomainOps#setDevPasid}. */
  @Mirrors("iommu_domain_ops.set_dev_pasid")
  SET_DEV_PASID,
  /** {@link DomainOps#free}. */
  @Mirrors("iommu_domain_ops.free")
  FREE,
  /** {@link PagingDomainOps#mapPages} and {@link PagingDomainOps#unmapPages}. */
  @Mirrors({"iommu_domain_ops.map_pages", "iommu_domain_ops.unmap_pages"})
  MAP_PAGES,
  /** {@link PagingDomainOps#mapRange} and {@link PagingDomainOps#unmapRange}. */
  @Mirrors({"pt_iommu_ops.map_range", "pt_iommu_ops.unmap_range", "iommu_domain.is_iommupt"})
  MAP_RANGE,
  /** {@link PagingDomainOps#iovaToPhys}. */
  @Mirrors("iommu_domain_ops.iova_to_phys")
  IOVA_TO_PHYS,
  /** {@link PagingDomainOps#iotlbSyncMap}. */
  @Mirrors("iommu_domain_ops.iotlb_sync_map")
  IOTLB_SYNC_MAP,
  /** {@link PagingDomainOps#iotlbSync}. */
  @Mirrors("iommu_domain_ops.iotlb_sync")
  IOTLB_SYNC,
  /** {@link PagingDomainOps#flushIotlbAll}. */
  @Mirrors("iommu_domain_ops.flush_iotlb_all")
  FLUSH_IOTLB_ALL,
  /** {@link PagingDomainOps#setPgtableQuirks}. */
  @Mirrors("iommu_domain_ops.set_pgtable_quirks")
  SET_PGTABLE_QUIRKS,
  /** {@link PagingDomainOps#enforceCacheCoherency}. */
  @Mirrors("iommu_domain_ops.enforce_cache_coherency")
  ENFORCE_CACHE_COHERENCY
}
