package org.iommu4j.pgtable;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.PhysicalMemory;

/**
 * A translating domain over a {@link RadixPageTable}. A driver adds how devices are attached, how
 * the hardware forgets a range, and how it forgets everything:
 *
 * <pre>{@code
 * final class MyDomain extends PageTableDomain {
 *   private final MyRegisters registers;
 *
 *   MyDomain(MyRegisters registers, PhysicalMemory memory) {
 *     super(VtdSecondStage.of(PageTableConfig.of(48, 52, 3)), memory);
 *     this.registers = registers;
 *   }
 *
 *   @Override
 *   public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
 *     registers.pointTo(device, table().root());
 *   }
 *
 *   @Override
 *   protected void invalidateRange(IotlbGather gather) {
 *     registers.invalidate(gather.start(), gather.end());
 *   }
 *
 *   @Override
 *   protected void invalidateAll() {
 *     registers.invalidateAll();
 *   }
 * }
 * }</pre>
 *
 * <p><b>Freed tables.</b> A table that an unmap unlinked may still be on the way of a walk. It goes
 * to the unmap's gather and is freed by {@link #iotlbSync}, after the invalidation; or, if the
 * gather is queued, it waits here for the next {@link #flushIotlbAll} that begins after the unmap
 * (CORE-547, FQ-017). What an invalidation that failed should have freed waits here, too.
 *
 * <p>Thread-safe if what the driver adds is.
 */
public abstract class PageTableDomain implements PagingDomainOps, PageTableOwner {
  private static final int TABLE_PAGE_LG2 = 12;

  private final PhysicalMemory memory;
  private final RadixPageTable table;
  private final long beyondOutput;
  private final Set<DomainOp> operations;
  private final RetiredTables retired = new RetiredTables();

  /** Held while tables are freed, and by walks that meet ranges of which others unmap. */
  private final Object freeing = new Object();

  /**
   * Creates an empty domain.
   *
   * @param format the bits
   * @param memory where the tables lie
   * @param more operations of the driver, besides attaching and those of this class
   * @throws org.iommu4j.api.IommuException ENOMEM if there is no page for the top table
   */
  @SuppressWarnings("this-escape") // the table keeps its owner and calls nothing on it yet
  protected PageTableDomain(PageTableFormat format, PhysicalMemory memory, DomainOp... more) {
    this.memory = memory;
    this.table = new RadixPageTable(format, memory, this);
    this.beyondOutput = ~TableShape.below(format.config().outputBits());
    Set<DomainOp> all =
        EnumSet.of(
            DomainOp.ATTACH_DEV,
            DomainOp.FREE,
            DomainOp.MAP_RANGE,
            DomainOp.IOVA_TO_PHYS,
            DomainOp.IOTLB_SYNC,
            DomainOp.FLUSH_IOTLB_ALL);
    Collections.addAll(all, more);
    this.operations = Collections.unmodifiableSet(all);
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
   * Makes the hardware forget what it caches of a range, and waits for walks that are under way;
   * complete on return.
   *
   * @param gather the range, never empty; the levels, if the format records them; its tables are
   *     freed afterwards
   */
  protected abstract void invalidateRange(IotlbGather gather);

  /**
   * Makes the hardware forget all it caches of this domain, and waits for walks that are under way;
   * complete on return.
   */
  protected abstract void invalidateAll();

  @Override
  public final Set<DomainOp> operations() {
    return operations;
  }

  @Override
  public long pageSizes() {
    return table.pageSizes();
  }

  @Override
  public DomainGeometry geometry() {
    return table.aperture();
  }

  /**
   * {@inheritDoc}
   *
   * <p>The errnos are those of {@link RadixPageTable#map}; and ERANGE, before anything changes, if
   * the last physical address does not fit into an entry. (The table, like Linux, looks at the
   * first one only: PTG-010.)
   */
  @Override
  public final long mapRange(long iova, long paddr, long size, int prot) {
    if (size != 0 && !fits(paddr, paddr + size - 1)) {
      return MapResult.failed(0, Errno.ERANGE);
    }
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

  private boolean fits(long first, long last) {
    return Long.compareUnsigned(first, last) <= 0 && (last & beyondOutput) == 0;
  }

  @Override
  public final long unmapRange(long iova, long size, IotlbGather gather) {
    long removed = table.unmap(iova, size, gather);
    if (gather.queued() && gather.freedCount() > 0) {
      retired.add(gather);
    }
    return removed;
  }

  @Override
  public final long iovaToPhys(long iova) {
    return table.translate(iova);
  }

  /**
   * Reports pages that were written through, for the {@link org.iommu4j.spi.DirtyOps} of a driver
   * whose format has a {@link PageTableFormat#dirtyMask}. Other threads may map and unmap in the
   * range at the same time. The hardware may go on with cached marks until it is invalidated.
   *
   * @param iova first address
   * @param size bytes
   * @param noClear keep the marks
   * @param dirty where to record
   * @throws org.iommu4j.api.IommuException as {@link RadixPageTable#readAndClearDirty}
   */
  protected final void readAndClearDirty(long iova, long size, boolean noClear, DirtyBitmap dirty) {
    synchronized (freeing) {
      table.readAndClearDirty(iova, size, noClear, dirty);
    }
  }

  @Override
  public final void iotlbSync(IotlbGather gather) {
    invalidate(gather);
  }

  @Override
  public final void invalidate(IotlbGather gather) {
    try {
      if (gather.hasRange()) {
        invalidateRange(gather);
      } else if (gather.freedCount() > 0) {
        invalidateAll();
      }
    } catch (RuntimeException | Error failed) {
      retired.add(gather);
      throw failed;
    }
    freeTables(gather);
  }

  /**
   * What is retired while the hardware flushes may be on the way of a walk that it does not drop.
   */
  @Override
  public final void flushIotlbAll() {
    IotlbGather unlinked = retired.take();
    try {
      invalidateAll();
    } catch (RuntimeException | Error failed) {
      retired.add(unlinked);
      throw failed;
    }
    freeTables(unlinked);
  }

  private void freeTables(IotlbGather gather) {
    if (gather.freedCount() == 0) {
      return;
    }
    synchronized (freeing) {
      for (int i = 0; i < gather.freedCount(); i++) {
        memory.freePage(gather.freed(i));
      }
    }
  }

  /** The next domain with the same number must not meet translations of this one. */
  @Override
  public void free(Domain self) {
    flushIotlbAll();
    table.free();
  }
}
