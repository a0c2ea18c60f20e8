package org.iommu4j.spi;

import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Mirrors;
import org.jspecify.annotations.Nullable;

/**
 * A translating domain as its driver sees it.
 *
 * <p>Map, unmap, invalidation and translation run under no core lock, except while direct regions
 * are mapped at probe or at a change of the default domain (then under the group lock). Calls on
 * one range never overlap in time; calls on different ranges may, from any thread (CORE-562).
 */
public interface PagingDomainOps extends DomainOps {
  /**
   * The supported page sizes; the smallest is the granule (CORE-561).
   *
   * @return a bit set, one bit per size in bytes; constant
   */
  @Mirrors("iommu_domain.pgsize_bitmap")
  long pageSizes();

  /**
   * The addresses this domain translates.
   *
   * @return the whole 64-bit space unless overridden
   */
  default DomainGeometry geometry() {
    return DomainGeometry.FULL;
  }

  /**
   * Maps a run of pages of one size.
   *
   * @param iova first address, a multiple of the page size
   * @param paddr physical address, a multiple of the page size
   * @param pageSize bytes, one of {@link #pageSizes}
   * @param pageCount 1 or more
   * @param prot protection bits
   * @return progress in pages of that size and possibly an error, see {@link MapResult}
   */
  @Mirrors("iommu_domain_ops.map_pages")
  default long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
    throw Absent.operation(DomainOp.MAP_PAGES);
  }

  /**
   * Unmaps a run of pages of one size. It cannot split a larger page; it may remove one whole.
   *
   * @param iova first address
   * @param pageSize bytes, one of {@link #pageSizes}
   * @param pageCount 1 or more
   * @param gather collects what must be invalidated
   * @return bytes unmapped, 0 at a hole
   */
  @Mirrors("iommu_domain_ops.unmap_pages")
  default long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
    throw Absent.operation(DomainOp.MAP_PAGES);
  }

  /**
   * Maps a whole range, choosing page sizes and checking alignment itself (CORE-501).
   *
   * @param iova first address
   * @param paddr physical address
   * @param size bytes
   * @param prot protection bits
   * @return progress in pages of the smallest size and possibly an error, see {@link MapResult}
   */
  @Mirrors("pt_iommu_ops.map_range")
  default long mapRange(long iova, long paddr, long size, int prot) {
    throw Absent.operation(DomainOp.MAP_RANGE);
  }

  /**
   * Unmaps a whole range.
   *
   * @param iova first address
   * @param size bytes
   * @param gather collects what must be invalidated
   * @return bytes unmapped
   */
  @Mirrors("pt_iommu_ops.unmap_range")
  default long unmapRange(long iova, long size, IotlbGather gather) {
    throw Absent.operation(DomainOp.MAP_RANGE);
  }

  /**
   * Makes new mappings visible to hardware that caches their absence.
   *
   * @param iova first address
   * @param size bytes
   * @throws IommuException if it cannot be done; the core then unmaps the range
   */
  @Mirrors("iommu_domain_ops.iotlb_sync_map")
  default void iotlbSyncMap(long iova, long size) {
    throw Absent.operation(DomainOp.IOTLB_SYNC_MAP);
  }

  /**
   * Invalidates what was gathered and frees the gathered page-table pages; complete on return.
   *
   * @param gather the range and the free list
   */
  @Mirrors("iommu_domain_ops.iotlb_sync")
  default void iotlbSync(IotlbGather gather) {
    throw Absent.operation(DomainOp.IOTLB_SYNC);
  }

  /** Invalidates every translation of this domain; complete on return. */
  @Mirrors("iommu_domain_ops.flush_iotlb_all")
  default void flushIotlbAll() {
    throw Absent.operation(DomainOp.FLUSH_IOTLB_ALL);
  }

  /**
   * Translates an address by walking the driver's tables.
   *
   * @param iova an address
   * @return the physical address, 0 if not mapped
   */
  @Mirrors("iommu_domain_ops.iova_to_phys")
  default long iovaToPhys(long iova) {
    throw Absent.operation(DomainOp.IOVA_TO_PHYS);
  }

  /**
   * Changes how tables are written, before the domain is used.
   *
   * @param quirks driver-defined bits
   * @throws IommuException if a bit is not supported
   */
  @Mirrors("iommu_domain_ops.set_pgtable_quirks")
  default void setPgtableQuirks(long quirks) {
    throw Absent.operation(DomainOp.SET_PGTABLE_QUIRKS);
  }

  /**
   * Makes all DMA of this domain coherent, for ever (CORE-552).
   *
   * @return true if no-snoop DMA can no longer bypass coherency
   */
  @Mirrors("iommu_domain_ops.enforce_cache_coherency")
  default boolean enforceCacheCoherency() {
    throw Absent.operation(DomainOp.ENFORCE_CACHE_COHERENCY);
  }

  /**
   * The dirty-tracking operations.
   *
   * @return null if the domain cannot track dirty pages
   */
  default @Nullable DirtyOps dirtyOps() {
    return null;
  }
}
