package org.iommu4j.api;

import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.PagingDomainOps;

/**
 * The range of addresses whose translations must be invalidated, collected over several unmaps
 * (CORE-540). Mutable and confined to one thread; make one per thread and reuse it.
 *
 * <p>{@code start} is all ones and {@code end} zero while it is empty; the end is inclusive.
 */
@Mirrors("iommu_iotlb_gather")
public final class IotlbGather {
  private static final int FIRST_CAPACITY = 8;
  private static final long[] NONE = {};

  private long start;
  private long end;
  private long pageSize;
  private boolean queued;
  private int leafLevels;
  private int tableLevels;
  private long[] freed = NONE;
  private int freedCount;

  /** Creates an empty gather. */
  public IotlbGather() {
    init();
  }

  /** Makes the gather empty again: range, page size, free list and queued mark. */
  @Mirrors("iommu_iotlb_gather_init")
  public void init() {
    start = -1L;
    end = 0;
    pageSize = 0;
    queued = false;
    leafLevels = 0;
    tableLevels = 0;
    freedCount = 0;
  }

  /**
   * Widens the range; never invalidates anything.
   *
   * @param iova first address
   * @param size bytes, at least 1
   */
  @Mirrors("iommu_iotlb_gather_add_range")
  public void addRange(long iova, long size) {
    long last = iova + size - 1;
    if (Long.compareUnsigned(start, iova) > 0) {
      start = iova;
    }
    if (Long.compareUnsigned(end, last) < 0) {
      end = last;
    }
  }

  /**
   * Adds a page, invalidating first what was gathered if the page does not fit in (CORE-543).
   *
   * @param domain whose translations are gathered
   * @param iova first address
   * @param size bytes, which is also the page size to invalidate with
   */
  @Mirrors("iommu_iotlb_gather_add_page")
  public void addPage(PagingDomainOps domain, long iova, long size) {
    if ((pageSize != 0 && pageSize != size) || isDisjoint(iova, size)) {
      sync(domain);
    }
    pageSize = size;
    addRange(iova, size);
  }

  /**
   * Whether a range neither overlaps nor touches what was gathered.
   *
   * @param iova first address
   * @param size bytes
   * @return false while the gather is empty
   */
  @Mirrors("iommu_iotlb_gather_is_disjoint")
  public boolean isDisjoint(long iova, long size) {
    if (end == 0) {
      return false;
    }
    long last = iova + size - 1;
    return Long.compareUnsigned(last + 1, start) < 0 || Long.compareUnsigned(iova, end + 1) > 0;
  }

  /**
   * Asks the driver to invalidate what was gathered, then makes the gather empty. The driver is not
   * asked if it has no such operation or if the range is empty or a single byte (CORE-544).
   *
   * @param domain whose translations were gathered
   */
  public void sync(PagingDomainOps domain) {
    if (hasRange() && domain.operations().contains(DomainOp.IOTLB_SYNC)) {
      domain.iotlbSync(this);
    }
    init();
  }

  /**
   * Whether {@link #sync} would invalidate something.
   *
   * @return true if the start is below the end
   */
  public boolean hasRange() {
    return Long.compareUnsigned(start, end) < 0;
  }

  /**
   * The first gathered address.
   *
   * @return all ones while empty
   */
  @Mirrors("iommu_iotlb_gather.start")
  public long start() {
    return start;
  }

  /**
   * The last gathered address, inclusive.
   *
   * @return zero while empty
   */
  @Mirrors("iommu_iotlb_gather.end")
  public long end() {
    return end;
  }

  /**
   * The page size of the gathered pages.
   *
   * @return bytes, zero while unknown
   */
  @Mirrors("iommu_iotlb_gather.pgsize")
  public long pageSize() {
    return pageSize;
  }

  /**
   * Whether a full flush will follow, so that per-page work can be skipped (CORE-546).
   *
   * @return true if marked by {@link #queue}
   */
  @Mirrors({"iommu_iotlb_gather_queued", "iommu_iotlb_gather.queued"})
  public boolean queued() {
    return queued;
  }

  /** Marks that a full flush will follow instead of {@link #sync}. */
  public void queue() {
    queued = true;
  }

  /**
   * Records at which levels of the page table something was removed; level 0 holds the smallest
   * pages (PTG-022).
   *
   * @param leaves one bit per level that lost a leaf
   * @param tables one bit per level that lost an entry pointing to a table
   */
  public void addLevels(int leaves, int tables) {
    leafLevels |= leaves;
    tableLevels |= tables;
  }

  /**
   * The levels that lost leaves, of page tables that record it.
   *
   * @return one bit per level
   */
  @Mirrors("iommu_iotlb_gather.pt.leaf_levels_bitmap")
  public int leafLevels() {
    return leafLevels;
  }

  /**
   * The levels that lost entries pointing to a table, of page tables that record it.
   *
   * @return one bit per level
   */
  @Mirrors("iommu_iotlb_gather.pt.table_levels_bitmap")
  public int tableLevels() {
    return tableLevels;
  }

  /**
   * Puts a page-table page on the free list: it may be reused only after the invalidation or full
   * flush that follows (CORE-547).
   *
   * @param address physical address of the page
   */
  @Mirrors({"iommu_iotlb_gather.freelist", "iommu_pages_list"})
  public void free(long address) {
    if (freedCount == freed.length) {
      freed = java.util.Arrays.copyOf(freed, Math.max(FIRST_CAPACITY, freedCount * 2));
    }
    freed[freedCount++] = address;
  }

  /**
   * Moves the free list to the end of another gather's; nothing else of the two changes.
   *
   * @param other receives the pages
   */
  public void moveFreedTo(IotlbGather other) {
    int count = freedCount;
    freedCount = 0;
    for (int i = 0; i < count; i++) {
      other.free(freed[i]);
    }
  }

  /**
   * How many pages are on the free list.
   *
   * @return zero or more
   */
  public int freedCount() {
    return freedCount;
  }

  /**
   * A page on the free list.
   *
   * @param index 0 to {@code freedCount() - 1}
   * @return its physical address
   */
  public long freed(int index) {
    java.util.Objects.checkIndex(index, freedCount);
    return freed[index];
  }

  @Override
  public String toString() {
    return String.format(
        "[0x%x, 0x%x] page size 0x%x%s", start, end, pageSize, queued ? " queued" : "");
  }
}
