package org.iommu4j.api;

import java.util.List;
import org.iommu4j.spi.DirtyOps;
import org.jspecify.annotations.Nullable;

/**
 * A domain in which addresses are mapped, page by page.
 *
 * <p>Map and unmap take no core lock: calls on one range must not overlap in time, calls on
 * different ranges may (CORE-562). Addresses and sizes must be multiples of the smallest page size.
 */
public non-sealed interface PagingDomain extends Domain, AutoCloseable {
  /**
   * Maps a range and makes it visible to hardware (CORE-511). On failure the range is as before.
   * Mapping zero bytes succeeds and does nothing.
   *
   * @param iova first address
   * @param paddr first physical address
   * @param size bytes
   * @param prot {@link Prot} bits
   * @throws IommuException EINVAL if something is misaligned or the domain has no page sizes;
   *     ENODEV if the driver cannot map; EIO if it makes no progress or maps more than asked;
   *     otherwise the driver's error
   */
  @Mirrors("iommu_map")
  void map(long iova, long paddr, long size, int prot);

  /**
   * As {@link #map}, without making it visible: call {@link #syncMap} before use (CORE-500).
   *
   * @param iova first address
   * @param paddr first physical address
   * @param size bytes
   * @param prot {@link Prot} bits
   * @throws IommuException as {@link #map}
   */
  @Mirrors("iommu_map_nosync")
  void mapNosync(long iova, long paddr, long size, int prot);

  /**
   * Makes mappings visible to hardware that caches their absence (CORE-510).
   *
   * @param iova first address
   * @param size bytes
   * @throws IommuException the driver's error
   */
  @Mirrors("iommu_sync_map")
  void syncMap(long iova, long size);

  /**
   * Maps the pieces of a list one after the other without gaps (CORE-520). Adjacent pieces are
   * merged; bus addresses are skipped.
   *
   * @param iova first address
   * @param segments the pieces, at least one
   * @param prot {@link Prot} bits
   * @return bytes mapped
   * @throws IommuException as {@link #map}, with nothing left mapped; EINVAL for an empty list
   */
  @Mirrors({"iommu_map_sg", "iommu_map_sgtable"})
  long mapSg(long iova, List<SgSegment> segments, int prot);

  /**
   * Unmaps a range and invalidates it (CORE-530). A larger page that begins in the range goes
   * whole; a hole ends the work.
   *
   * @param iova first address
   * @param size bytes
   * @return bytes unmapped, which may be less or more than asked; 0 if misaligned
   */
  @Mirrors("iommu_unmap")
  long unmap(long iova, long size);

  /**
   * Unmaps a range and collects what must be invalidated (CORE-530).
   *
   * @param iova first address
   * @param size bytes
   * @param gather receives the range; pass it to {@link #iotlbSync} before reusing the addresses
   * @return bytes unmapped
   */
  @Mirrors("iommu_unmap_fast")
  long unmapFast(long iova, long size, IotlbGather gather);

  /**
   * Invalidates what was gathered and empties the gather (CORE-544).
   *
   * @param gather from {@link #unmapFast}
   */
  @Mirrors("iommu_iotlb_sync")
  void iotlbSync(IotlbGather gather);

  /** Invalidates every translation of this domain, if the driver can (CORE-545). */
  @Mirrors("iommu_flush_iotlb_all")
  void flushIotlbAll();

  /**
   * The supported page sizes.
   *
   * @return a bit set, 0 if nothing can be mapped
   */
  @Mirrors("iommu_domain.pgsize_bitmap")
  long pageSizes();

  /**
   * The addresses that can be translated.
   *
   * @return the aperture
   */
  @Mirrors("iommu_domain.geometry")
  DomainGeometry geometry();

  /**
   * What the domain carries besides mappings.
   *
   * @return the kind of cookie
   */
  @Mirrors("iommu_domain.cookie_type")
  CookieType cookieType();

  /**
   * Changes how tables are written; only for UNMANAGED domains (CORE-551).
   *
   * @param quirks driver-defined bits
   * @throws IommuException EINVAL for another type or a driver without the operation
   */
  @Mirrors("iommu_set_pgtable_quirks")
  void setPgtableQuirks(long quirks);

  /**
   * Makes all DMA of this domain coherent, for ever (CORE-552).
   *
   * @return false if the driver cannot
   */
  @Mirrors("iommu_domain_ops.enforce_cache_coherency")
  boolean enforceCacheCoherency();

  /**
   * The dirty-tracking operations.
   *
   * @return the operations
   * @throws IommuException EOPNOTSUPP if the domain cannot track dirty pages
   */
  @Mirrors("iommu_domain.dirty_ops")
  DirtyOps dirtyTracking();

  /**
   * Reserves a window from which MSI doorbell pages are handed out (CORE-464).
   *
   * @param base first address of the window
   * @throws IommuException EINVAL unless UNMANAGED, EEXIST if a cookie is present, ENOMEM
   */
  @Mirrors("iommu_get_msi_cookie")
  void setMsiWindow(long base);

  /**
   * Installs a handler for faults in this domain, once (CORE-465). On a domain with a cookie it is
   * a violation that changes nothing.
   *
   * @param handler null installs "no handler", which still uses up the cookie
   */
  @Mirrors({"iommu_set_fault_handler", "iommu_domain.handler", "iommu_domain.handler_token"})
  void setFaultHandler(@Nullable FaultHandler handler);

  /**
   * Reports a fault; called by IOMMU drivers under no lock (CORE-466).
   *
   * @param device which device caused it
   * @param iova the faulting address
   * @param access read or write
   * @return null if a handler dealt with it, ENOSYS without handler, else the handler's error
   */
  @Mirrors("report_iommu_fault")
  @Nullable Errno reportFault(DevIommu device, long iova, FaultAccess access);

  /**
   * Frees the domain (CORE-461).
   *
   * @throws IommuException EBUSY while anything is attached to it; EINVAL if it was freed before or
   *     belongs to the core
   */
  @Override
  @Mirrors("iommu_domain_free")
  void close();
}
