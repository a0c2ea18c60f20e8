package org.iommu4j.jcstress;

import java.util.BitSet;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.PageTableConfig;
import org.iommu4j.pgtable.PageTableDomain;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.pgtable.VtdSecondStage;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;

/** A domain of VT-d's second stage, and the hardware that walks its tables. */
final class VtdTables extends PageTableDomain {
  private static final int LEVELS = 4;

  /** A leaf at every level: present, large, at 3 GiB. */
  private static final long OTHER_ENTRY = 0xc000_0083L;

  private final PhysicalMemory memory;
  private final BusMemory bus;
  private final WalkingHardware hardware;
  private Runnable atFlush = () -> {};

  VtdTables() {
    this(Pages.memory(page -> OTHER_ENTRY));
  }

  private VtdTables(PhysicalMemory memory) {
    super(VtdSecondStage.of(PageTableConfig.of(48, 52, LEVELS - 1)), memory);
    this.memory = memory;
    this.bus = new BusMemory(memory);
    this.hardware = new WalkingHardware(HardwareWalker.vtdSecondStage(bus, table().root(), LEVELS));
  }

  /** Makes the hardware walk slowly from now on. */
  void slowWalks() {
    bus.slow();
  }

  /** Uses small pages from now on. */
  VtdTables small() {
    table().restrictPageSizes(Pages.K4);
    return this;
  }

  /** Uses all page sizes from now on. */
  VtdTables large() {
    table().restrictPageSizes(-1L);
    return this;
  }

  /** Runs something when a flush of everything begins. */
  void atFlush(Runnable action) {
    atFlush = action;
  }

  /** 1 if all of it was mapped, to where it belongs. */
  int map(long iova, long size) {
    long result = mapRange(iova, Pages.targetOf(iova), size, Prot.RW);
    return result == MapResult.mapped(size / Pages.K4) ? 1 : 0;
  }

  /** 1 if all of it was unmapped, for a flush of everything to come. */
  int unmapLazily(long iova, long size) {
    var gather = new IotlbGather();
    gather.queue();
    return unmapRange(iova, size, gather) == size ? 1 : 0;
  }

  /** 1 if all of it was unmapped, and is invalidated. */
  int unmap(long iova, long size) {
    var gather = new IotlbGather();
    long removed = unmapRange(iova, size, gather);
    iotlbSync(gather);
    return removed == size ? 1 : 0;
  }

  /** What the hardware sees. */
  int look(long iova) {
    return hardware.look(iova);
  }

  /** What the hardware sees of pages side by side, one bit for each answer. */
  int lookAtAll(long iova, int pages) {
    return hardware.lookAtAll(iova, pages);
  }

  /** How many pages nobody finds any more. */
  int leaked() {
    return allocated() - linked();
  }

  int allocated() {
    return (int) memory.allocatedPages();
  }

  /** Tables that are found from the top, itself included. */
  int linked() {
    int[] tables = {1};
    table()
        .visit(
            (level, table, index, entry, child) ->
                tables[0] += child == TableVisitor.NO_CHILD ? 0 : 1);
    return tables[0];
  }

  /** What hardware does at a write: 1 if the leaf was there and was marked. */
  int markWritten(long iova) {
    long mark = table().format().dirtyMask();
    long slot = leafSlot(iova);
    while (true) {
      long entry = memory.readAcquire(slot);
      if (entry == 0) {
        return 0;
      }
      if (memory.compareAndSet(slot, entry, entry | mark)) {
        return 1;
      }
    }
  }

  /** 1 if the hardware's mark was found, and taken away. */
  int takeMark(long iova) {
    var bits = new BitSet();
    readAndClearDirty(iova, Pages.K4, false, new DirtyBitmap(iova, 12, bits, null));
    return bits.cardinality();
  }

  /** Where the word of a small page stands, whose tables there must be. */
  long leafSlot(long iova) {
    long table = table().root();
    for (int level = LEVELS - 1; level > 0; level--) {
      table = memory.readAcquire(slot(table, iova, level)) & 0xf_ffff_ffff_f000L;
    }
    return slot(table, iova, 0);
  }

  private static long slot(long table, long iova, int level) {
    return table + (iova >>> (12 + 9 * level) & 0x1ff) * 8;
  }

  @Override
  protected void invalidateRange(IotlbGather gather) {
    hardware.forget();
  }

  @Override
  protected void invalidateAll() {
    atFlush.run();
    hardware.forget();
  }
}
