package org.iommu4j.pgtable;

import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Mirrors;

/** What an ARM page table asks of its driver. Called on the thread that maps or unmaps. */
@Mirrors("iommu_flush_ops")
public interface LpaeOwner {
  /**
   * Invalidates cached walks of a range; complete on return. The tables of those walks are freed
   * afterwards (PTL-013, PTL-016).
   *
   * @param iova first input address
   * @param size bytes
   * @param granule bytes of the smallest page
   */
  @Mirrors("iommu_flush_ops.tlb_flush_walk")
  void flushWalk(long iova, long size, long granule);

  /**
   * Adds a removed leaf to a gather, which may invalidate what it holds first (PTL-017).
   *
   * @param gather what was removed before
   * @param iova first input address
   * @param size bytes
   */
  @Mirrors("iommu_flush_ops.tlb_add_page")
  void addPage(IotlbGather gather, long iova, long size);

  /**
   * Writes changed entries back from the CPU's caches; only asked for if walks are not coherent.
   *
   * @param address physical address of the first changed entry
   * @param bytes how many bytes changed
   */
  default void writeBack(long address, long bytes) {}
}
