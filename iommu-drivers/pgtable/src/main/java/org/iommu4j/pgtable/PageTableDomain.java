package org.iommu4j.pgtable;

import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.PhysicalMemory;

/**
 * A translating domain over a {@link RadixPageTable}: a driver adds how devices are attached and
 * how its hardware invalidates. Thread-safe if those are.
 *
 * <p>A table that was unlinked goes to the gather of the unmap and is freed by {@link #iotlbSync},
 * after the invalidation. If the gather is queued, the core syncs it after a full flush.
 */
public abstract class PageTableDomain implements PagingDomainOps, PageTableOwner {
  private static final int TABLE_PAGE_LG2 = 12;

  private final PhysicalMemory memory;
  private final RadixPageTable table;

  /**
   * Creates an empty domain.
   *
   * @param format the bits
   * @param memory where the tables lie
   * @throws org.iommu4j.api.IommuException ENOMEM if there is no page for the top table
   */
  @SuppressWarnings("this-escape") // the table keeps its owner and calls it only when it is used
  protected PageTableDomain(PageTableFormat format, PhysicalMemory memory) {
    this.memory = memory;
    this.table = new RadixPageTable(format, memory, this);
  }

  /**
   * The page table, whose root a driver tells its hardware.
   *
   * @return always the same
   */
  protected final RadixPageTable table() {
    return table;
  }

  /**
   * Makes the hardware forget what it caches of a range, walks through unlinked tables included;
   * complete on return.
   *
   * @param gather the range, the levels if the format records them, and the number of tables
   */
  protected abstract void invalidateRange(IotlbGather gather);

  /** Makes the hardware forget all it caches of this domain; complete on return. */
  protected abstract void invalidateAll();

  /**
   * {@inheritDoc}
   *
   * @return what this class does, and attaching; a driver that does more adds to it
   */
  @Override
  public Set<DomainOp> operations() {
    return EnumSet.of(
        DomainOp.ATTACH_DEV,
        DomainOp.FREE,
        DomainOp.MAP_RANGE,
        DomainOp.IOVA_TO_PHYS,
        DomainOp.IOTLB_SYNC,
        DomainOp.FLUSH_IOTLB_ALL);
  }

  @Override
  public long pageSizes() {
    return table.pageSizes();
  }

  @Override
  public DomainGeometry geometry() {
    return table.aperture();
  }

  @Override
  public final long mapRange(long iova, long paddr, long size, int prot) {
    long result = table.map(iova, paddr, size, prot);
    int shift = Long.numberOfTrailingZeros(table.pageSizes()) - TABLE_PAGE_LG2;
    if (shift == 0) {
      return result;
    }
    long pages = MapResult.pages(result) >>> shift;
    return MapResult.isFailure(result)
        ? MapResult.failed(pages, MapResult.errno(result))
        : MapResult.mapped(pages);
  }

  @Override
  public final long unmapRange(long iova, long size, IotlbGather gather) {
    return table.unmap(iova, size, gather);
  }

  @Override
  public final long iovaToPhys(long iova) {
    return table.translate(iova);
  }

  @Override
  public final void iotlbSync(IotlbGather gather) {
    invalidate(gather);
  }

  @Override
  public final void invalidate(IotlbGather gather) {
    invalidateRange(gather);
    for (int i = 0; i < gather.freedCount(); i++) {
      memory.freePage(gather.freed(i));
    }
  }

  @Override
  public final void flushIotlbAll() {
    invalidateAll();
  }

  /** The next domain with the same number must not meet translations of this one. */
  @Override
  public void free(Domain self) {
    invalidateAll();
    table.free();
  }
}
