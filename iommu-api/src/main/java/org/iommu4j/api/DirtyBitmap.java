package org.iommu4j.api;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Collects dirty pages of one range and, if wanted, what must be invalidated afterwards (CORE-557).
 * Confined to one thread.
 */
@Mirrors({"iommu_dirty_bitmap", "iommu_dirty_bitmap.bitmap", "iommu_dirty_bitmap.gather"})
public final class DirtyBitmap {
  private final long start;
  private final int pageShift;
  private final @Nullable BitSet bits;
  private final @Nullable IotlbGather gather;

  /**
   * Creates a collector; a given gather is made empty.
   *
   * @param start first address of the range
   * @param pageShift log2 of the page size of the report
   * @param bits receives one bit per page, or null
   * @param gather receives the ranges whose marks were cleared, or null
   */
  @Mirrors("iommu_dirty_bitmap_init")
  public DirtyBitmap(
      long start, int pageShift, @Nullable BitSet bits, @Nullable IotlbGather gather) {
    this.start = start;
    this.pageShift = pageShift;
    this.bits = bits;
    this.gather = gather;
    if (gather != null) {
      gather.init();
    }
  }

  /**
   * Records a dirty range.
   *
   * @param iova first address, not below the start of the report
   * @param size bytes
   */
  @Mirrors("iommu_dirty_bitmap_record")
  public void record(long iova, long size) {
    if (bits != null) {
      int from = Math.toIntExact((iova - start) >>> pageShift);
      int to = Math.toIntExact((iova + size - 1 - start) >>> pageShift);
      bits.set(from, to + 1);
    }
    if (gather != null) {
      gather.addRange(iova, size);
    }
  }
}
