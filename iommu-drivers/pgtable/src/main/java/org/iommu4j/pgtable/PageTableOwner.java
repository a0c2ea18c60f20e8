package org.iommu4j.pgtable;

import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Mirrors;

/** What a page table asks of its driver. Called on the thread that maps or unmaps. */
public interface PageTableOwner {
  /**
   * Invalidates what was gathered, cached walks included, and frees the gathered tables; complete
   * on return. The page table asks for it when it replaced empty tables by a larger page (PTG-013)
   * or when a range does not fit to a gathered one (PTG-021).
   *
   * @param gather the range and the tables
   */
  void invalidate(IotlbGather gather);

  /**
   * Points the hardware to a new top table, in which the old one is entry 0 (PTG-023). Only tables
   * with {@link PageTableFeature#DYNAMIC_TOP} ask for it; never on two threads at a time.
   *
   * @param root physical address of the new top table
   * @param level its level
   */
  @Mirrors("pt_iommu_driver_ops.change_top")
  default void changeTop(long root, int level) {
    throw new UnsupportedOperationException("this driver's page table cannot grow");
  }

  /**
   * Writes changed entries back from the CPU's caches; only tables with {@link
   * PageTableFeature#DMA_INCOHERENT} ask for it (PTG-016).
   *
   * @param address physical address of the first changed entry
   * @param bytes how many bytes changed
   */
  default void writeBack(long address, long bytes) {}
}
