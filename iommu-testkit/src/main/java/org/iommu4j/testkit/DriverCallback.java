package org.iommu4j.testkit;

import java.util.Locale;

/** A call of a core into a driver, as {@link CallRecorder} and {@link FaultInjection} name it. */
public enum DriverCallback {
  /** {@link org.iommu4j.spi.IommuOps#probeDevice}. */
  PROBE_DEVICE(true),
  /** {@link org.iommu4j.spi.IommuOps#releaseDevice}. */
  RELEASE_DEVICE(false),
  /** {@link org.iommu4j.spi.IommuOps#probeFinalize}. */
  PROBE_FINALIZE(false),
  /** {@link org.iommu4j.spi.IommuOps#deviceGroup}. */
  DEVICE_GROUP(true),
  /** {@link org.iommu4j.spi.IommuOps#defDomainType}. */
  DEF_DOMAIN_TYPE(true),
  /** {@link org.iommu4j.spi.IommuOps#isAttachDeferred}. */
  IS_ATTACH_DEFERRED(true),
  /** {@link org.iommu4j.spi.IommuOps#resvRegions}. */
  GET_RESV_REGIONS(false),
  /** {@link org.iommu4j.spi.IommuOps#capable}. */
  CAPABLE(true),
  /** {@link org.iommu4j.spi.IommuOps#ofXlate}. */
  OF_XLATE(false),
  /** {@link org.iommu4j.spi.IommuOps#domainAllocPaging}. */
  DOMAIN_ALLOC_PAGING(true),
  /** {@link org.iommu4j.spi.IommuOps#domainAllocPagingFlags}. */
  DOMAIN_ALLOC_PAGING_FLAGS(true),
  /** {@link org.iommu4j.spi.IommuOps#domainAllocIdentity}. */
  DOMAIN_ALLOC_IDENTITY(true),
  /** {@link org.iommu4j.spi.DomainOps#attachDev}. */
  ATTACH_DEV(false),
  /** {@link org.iommu4j.spi.DomainOps#setDevPasid}. */
  SET_DEV_PASID(false),
  /** {@link org.iommu4j.spi.DomainOps#free}. */
  FREE(false),
  /** {@link org.iommu4j.spi.PagingDomainOps#mapPages}. */
  MAP_PAGES(true),
  /** {@link org.iommu4j.spi.PagingDomainOps#unmapPages}. */
  UNMAP_PAGES(true),
  /** {@link org.iommu4j.spi.PagingDomainOps#mapRange}. */
  MAP_RANGE(true),
  /** {@link org.iommu4j.spi.PagingDomainOps#unmapRange}. */
  UNMAP_RANGE(true),
  /** {@link org.iommu4j.spi.PagingDomainOps#iovaToPhys}. */
  IOVA_TO_PHYS(true),
  /** {@link org.iommu4j.spi.PagingDomainOps#iotlbSyncMap}. */
  IOTLB_SYNC_MAP(false),
  /** {@link org.iommu4j.spi.PagingDomainOps#iotlbSync}. */
  IOTLB_SYNC(false),
  /** {@link org.iommu4j.spi.PagingDomainOps#flushIotlbAll}. */
  FLUSH_IOTLB_ALL(false),
  /** {@link org.iommu4j.spi.PagingDomainOps#setPgtableQuirks}. */
  SET_PGTABLE_QUIRKS(false),
  /** {@link org.iommu4j.spi.PagingDomainOps#enforceCacheCoherency}. */
  ENFORCE_CACHE_COHERENCY(true);

  private final boolean returnsValue;

  DriverCallback(boolean returnsValue) {
    this.returnsValue = returnsValue;
  }

  /**
   * The kernel's name of the operation.
   *
   * @return for example {@code attach_dev}
   */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether there is an answer to be written down. */
  boolean returnsValue() {
    return returnsValue;
  }
}
