package org.iommu4j.pgtable;

import java.lang.invoke.VarHandle;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.Prot;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * ARMv8 page tables (LPAE), stage 1 and 2, with pages of 4, 16 and 64 KiB (PTL-001 to PTL-019).
 * They differ from {@link RadixPageTable} in kind: calls name the page size, a call ends at the end
 * of a table, and tables are freed at once, not gathered.
 *
 * <p><b>Threads.</b> Calls on disjoint ranges may run at the same time; tables are linked by
 * compare-and-set, whose loser frees its own (PTL-014). Calls on one range must not overlap in
 * time.
 */
@Mirrors({"io_pgtable", "io_pgtable_ops", "arm_lpae_io_pgtable"})
public final class LpaePageTable {
  private static final int ENTRY_LG2 = 3;
  private static final int LAST_LEVEL = LpaeGeometry.LAST_LEVEL;

  private final PhysicalMemory memory;
  private final LpaeOwner owner;
  private final LpaeConfig config;
  private final LpaeGeometry geometry;
  private final LpaeEntries entries;
  private final LpaeRegisters registers;
  private final boolean coherent;
  private final boolean upperHalf;
  private final long root;

  /**
   * Creates an empty table.
   *
   * @param config widths, sizes and quirks
   * @param memory where the tables lie
   * @param owner invalidates for it
   * @throws IommuException EINVAL for a configuration no hardware has, ENOMEM if there is no memory
   *     for the start table
   */
  @Mirrors({"alloc_io_pgtable_ops", "arm_64_lpae_alloc_pgtable_s1", "arm_64_lpae_alloc_pgtable_s2"})
  public LpaePageTable(LpaeConfig config, PhysicalMemory memory, LpaeOwner owner) {
    this.memory = memory;
    this.owner = owner;
    this.config = config;
    geometry = LpaeGeometry.of(config);
    registers = LpaeRegisters.of(config, geometry);
    entries = new LpaeEntries(config, geometry);
    coherent = config.coherentWalk();
    upperHalf = config.has(LpaeQuirk.UPPER_HALF);
    root = memory.allocatePages(geometry.rootPages());
    writeBack(root, 1 << geometry.rootBits());
  }

  /**
   * The physical address of the start table.
   *
   * @return a multiple of its size and of 4096
   */
  @Mirrors({"io_pgtable_cfg.arm_lpae_s1_cfg.ttbr", "io_pgtable_cfg.arm_lpae_s2_cfg.vttbr"})
  public long root() {
    return root;
  }

  /**
   * The level of the start table, counted from 0 for the level of the smallest pages.
   *
   * @return 0 to 3
   */
  public int topLevel() {
    return LAST_LEVEL - geometry.startLevel();
  }

  /**
   * What the driver writes into its hardware.
   *
   * @return register fields
   */
  public LpaeRegisters registers() {
    return registers;
  }

  /**
   * The page sizes that can be mapped (PTL-002).
   *
   * @return a bit set, one bit per size in bytes
   */
  @Mirrors("io_pgtable_cfg.pgsize_bitmap")
  public long pageSizes() {
    return geometry.pageSizes();
  }

  /**
   * The addresses of the lower half.
   *
   * @return an aperture that begins at 0
   */
  public DomainGeometry aperture() {
    return DomainGeometry.ofBits(geometry.inputBits());
  }

  /**
   * Maps pages of one size, at most to the end of a table (PTL-012).
   *
   * @param iova first input address, a multiple of the page size
   * @param paddr first output address, a multiple of the page size
   * @param pageSize bytes, one of {@link #pageSizes}
   * @param pageCount 1 or more
   * @param prot bits of {@link Prot}
   * @return as {@link MapResult}, in pages of that size: EINVAL for a size or a protection it does
   *     not have, ERANGE for addresses out of range, EEXIST for what is mapped already, ENOMEM for
   *     no table
   */
  @Mirrors({"io_pgtable_ops.map_pages", "arm_lpae_map_pages"})
  public long map(long iova, long paddr, long pageSize, long pageCount, int prot) {
    if (!hasSize(pageSize)) {
      return MapResult.failed(0, Errno.EINVAL);
    }
    if (outOfRange(iova) || paddr >>> geometry.outputBits() != 0) {
      return MapResult.failed(0, Errno.ERANGE);
    }
    if ((prot & Prot.RW) == 0) {
      return MapResult.failed(0, Errno.EINVAL);
    }
    int leafLevel = levelOf(pageSize);
    if (leafLevel < geometry.startLevel()) {
      return MapResult.failed(0, Errno.EINVAL);
    }
    long table = tableFor(iova, leafLevel);
    if (table < 0) {
      return MapResult.failed(0, Errno.ofNumber((int) -table));
    }
    int index = index(iova, leafLevel);
    int count = (int) Math.min(pageCount, (1 << geometry.indexBits(leafLevel)) - index);
    Errno inTheWay = makeRoom(table, index, count, iova, leafLevel);
    if (inTheWay != null) {
      return MapResult.failed(0, inTheWay);
    }
    write(slot(table, index), count, paddr, leafLevel, entries.attributes(prot));
    VarHandle.releaseFence();
    return MapResult.mapped(count);
  }

  private boolean hasSize(long pageSize) {
    return pageSize != 0 && (pageSize & geometry.pageSizes()) == pageSize;
  }

  private boolean outOfRange(long iova) {
    long high = iova >> geometry.inputBits();
    return (upperHalf ? ~high : high) != 0;
  }

  private int levelOf(long pageSize) {
    int level = LAST_LEVEL;
    while (1L << geometry.itemLg2(level) != pageSize) {
      level--;
    }
    return level;
  }

  /** The table of a level on the way to an address, made if missing; or an errno, negative. */
  private long tableFor(long iova, int leafLevel) {
    long table = root;
    for (int level = geometry.startLevel(); level < leafLevel; level++) {
      long slot = slot(table, index(iova, level));
      long entry = memory.readAcquire(slot);
      if (entry == LpaeEntries.EMPTY) {
        entry = makeTable(slot);
        if (entry < 0 && -entry < 4096) {
          return entry;
        }
      } else if (!coherent && !LpaeEntries.isWrittenBack(entry)) {
        markWrittenBack(slot, entry);
      }
      if (!LpaeEntries.isTable(entry, level)) {
        return -Errno.EEXIST.number();
      }
      table = entries.address(entry);
    }
    return table;
  }

  /** Links a new table; returns the entry that stands there then, or an errno, negative. */
  @Mirrors("arm_lpae_install_table")
  private long makeTable(long slot) {
    long table;
    try {
      table = memory.allocatePages(geometry.tablePages());
    } catch (IommuException noMemory) {
      return -noMemory.errno().number();
    }
    writeBack(table, 1 << geometry.bits());
    long link = entries.table(table);
    if (!memory.compareAndSet(slot, LpaeEntries.EMPTY, link)) {
      memory.freePages(table, geometry.tablePages());
      return memory.readAcquire(slot);
    }
    if (!coherent) {
      markWrittenBack(slot, link);
    }
    return link;
  }

  private void markWrittenBack(long slot, long entry) {
    owner.writeBack(slot, Long.BYTES);
    memory.compareAndSet(slot, entry, LpaeEntries.writtenBack(entry));
  }

  private void writeBack(long slot, int items) {
    if (!coherent) {
      owner.writeBack(slot, (long) items << ENTRY_LG2);
    }
  }

  /**
   * Refuses leaves before one is written; unmaps tables on the way, those before a refused entry
   * included (PTL-012, PTL-013).
   */
  private @Nullable Errno makeRoom(long table, int index, int count, long iova, int level) {
    int from = memory.leadingZeroes(slot(table, index), count);
    for (int i = from; i < count; i++) {
      long entry = memory.readAcquire(slot(table, index + i));
      if (LpaeEntries.isLeaf(entry, level)) {
        return Errno.EEXIST;
      }
      if (LpaeEntries.isTable(entry, level)) {
        long item = 1L << geometry.itemLg2(level);
        unlink(slot(table, index + i), entry, iova + i * item, level);
      }
    }
    return null;
  }

  private void write(long slot, int count, long paddr, int level, long attributes) {
    int itemLg2 = geometry.itemLg2(level);
    if (entries.rises(paddr + ((long) count << itemLg2) - 1)) {
      memory.fillRising(slot, count, entries.leaf(paddr, level, attributes), itemLg2);
    } else {
      for (int i = 0; i < count; i++) {
        long leaf = entries.leaf(paddr + ((long) i << itemLg2), level, attributes);
        memory.write(slot(slot, i), leaf);
      }
    }
    writeBack(slot, count);
  }

  /** Clears an entry that points to a table, invalidates walks through it, and frees it all. */
  private void unlink(long slot, long entry, long iova, int level) {
    memory.writeRelease(slot, LpaeEntries.EMPTY);
    writeBack(slot, 1);
    owner.flushWalk(iova, 1L << geometry.itemLg2(level), 1L << geometry.granuleLg2());
    free(entries.address(entry), level + 1);
  }

  private void free(long table, int level) {
    if (level < LAST_LEVEL) {
      for (int i = 0; i < 1 << geometry.indexBits(level); i++) {
        long entry = memory.readAcquire(slot(table, i));
        if (LpaeEntries.isTable(entry, level)) {
          free(entries.address(entry), level + 1);
        }
      }
    }
    memory.freePages(
        table, level == geometry.startLevel() ? geometry.rootPages() : geometry.tablePages());
  }

  /**
   * Removes pages of one size, up to the first hole and at most to the end of a table (PTL-015 to
   * PTL-017). A table that stands where such a page could is removed with all it holds.
   *
   * @param iova first input address
   * @param pageSize bytes, one of {@link #pageSizes}
   * @param pageCount 1 or more
   * @param gather receives every removed entry, unless it is queued
   * @return bytes removed; 0 inside a larger page
   */
  @Mirrors({"io_pgtable_ops.unmap_pages", "arm_lpae_unmap_pages"})
  public long unmap(long iova, long pageSize, long pageCount, IotlbGather gather) {
    if (!hasSize(pageSize) || pageCount == 0 || outOfRange(iova)) {
      return 0;
    }
    int leafLevel = levelOf(pageSize);
    long table = root;
    for (int level = geometry.startLevel(); level < leafLevel; level++) {
      long entry = memory.readAcquire(slot(table, index(iova, level)));
      if (!LpaeEntries.isTable(entry, level)) {
        return 0;
      }
      table = entries.address(entry);
    }
    if (leafLevel < geometry.startLevel()) {
      return 0;
    }
    int index = index(iova, leafLevel);
    int most = (int) Math.min(pageCount, (1 << geometry.indexBits(leafLevel)) - index);
    return unmapIn(slot(table, index), most, iova, leafLevel, gather);
  }

  private long unmapIn(long slot, int most, long iova, int level, IotlbGather gather) {
    int itemLg2 = geometry.itemLg2(level);
    int count = most == 1 ? one(slot) : memory.leadingMarked(slot, most, -1L);
    for (int i = 0; level < LAST_LEVEL && i < count; i++) {
      long entry = memory.readAcquire(slot(slot, i));
      if (!LpaeEntries.isLeaf(entry, level)) {
        unlink(slot(slot, i), entry, iova + ((long) i << itemLg2), level);
      }
    }
    memory.clear(slot, count);
    writeBack(slot, count);
    VarHandle.releaseFence();
    if (!gather.queued()) {
      for (int i = 0; i < count; i++) {
        owner.addPage(gather, iova + ((long) i << itemLg2), 1L << itemLg2);
      }
    }
    return (long) count << itemLg2;
  }

  private int one(long slot) {
    return memory.readAcquire(slot) == LpaeEntries.EMPTY ? 0 : 1;
  }

  /**
   * Translates an address.
   *
   * @param iova an input address
   * @return the output address, 0 if not mapped, malformed or mapped to 0 (PTL-019)
   */
  @Mirrors({"io_pgtable_ops.iova_to_phys", "arm_lpae_iova_to_phys"})
  public long translate(long iova) {
    if (outOfRange(iova)) {
      return 0;
    }
    long table = root;
    for (int level = geometry.startLevel(); level <= LAST_LEVEL; level++) {
      long entry = memory.readAcquire(slot(table, index(iova, level)));
      if (LpaeEntries.isLeaf(entry, level)) {
        long offset = iova & ((1L << geometry.itemLg2(level)) - 1);
        return (entries.address(entry) & -(1L << geometry.itemLg2(level))) | offset;
      }
      if (!LpaeEntries.isTable(entry, level)) {
        return 0;
      }
      table = entries.address(entry);
    }
    return 0;
  }

  /**
   * Reports the leaves of a range that were written through; needs {@link
   * LpaeQuirk#HARDWARE_DIRTY}.
   *
   * @param iova first input address
   * @param size bytes, 1 or more
   * @param noClear keep the marks
   * @param dirty receives each such leaf
   * @throws IommuException EINVAL at the first hole (PTL-018) or for stage 2
   */
  @Mirrors("io_pgtable_ops.read_and_clear_dirty")
  public void readAndClearDirty(long iova, long size, boolean noClear, DirtyBitmap dirty) {
    long done = 0;
    while (Long.compareUnsigned(done, size) < 0) {
      done += dirtyAt(iova + done, noClear, dirty);
    }
  }

  private long dirtyAt(long iova, boolean noClear, DirtyBitmap dirty) {
    long table = root;
    for (int level = geometry.startLevel();
        level <= LAST_LEVEL && config.stage() == LpaeStage.STAGE_1 && !outOfRange(iova);
        level++) {
      long slot = slot(table, index(iova, level));
      long entry = memory.readAcquire(slot);
      if (LpaeEntries.isLeaf(entry, level)) {
        long item = 1L << geometry.itemLg2(level);
        if (LpaeEntries.isDirty(entry)) {
          dirty.record(iova, item - (iova & (item - 1)));
          while (!noClear && !memory.compareAndSet(slot, entry, LpaeEntries.clean(entry))) {
            entry = memory.readAcquire(slot);
          }
        }
        return item - (iova & (item - 1));
      }
      if (!LpaeEntries.isTable(entry, level)) {
        break;
      }
      table = entries.address(entry);
    }
    throw new IommuException(
        Errno.EINVAL, String.format("nothing is mapped at 0x%x to read dirty marks of", iova));
  }

  /** Frees all tables: the hardware must have forgotten this page table. Leaves may remain. */
  @Mirrors("free_io_pgtable_ops")
  public void free() {
    free(root, geometry.startLevel());
  }

  /**
   * Shows every entry, in the order of input addresses.
   *
   * @param visitor is called for each entry that is not zero, with levels counted from 0 for the
   *     level of the smallest pages
   */
  public void visit(TableVisitor visitor) {
    visit(root, geometry.startLevel(), visitor);
  }

  private void visit(long table, int level, TableVisitor visitor) {
    for (int i = 0; i < 1 << geometry.indexBits(level); i++) {
      long entry = memory.readAcquire(slot(table, i));
      if (entry == LpaeEntries.EMPTY) {
        continue;
      }
      if (LpaeEntries.isTable(entry, level)) {
        visitor.entry(LAST_LEVEL - level, table, i, entry, entries.address(entry));
        visit(entries.address(entry), level + 1, visitor);
      } else {
        visitor.entry(LAST_LEVEL - level, table, i, entry, TableVisitor.NO_CHILD);
      }
    }
  }

  private int index(long iova, int level) {
    return (int) (iova >>> geometry.itemLg2(level)) & ((1 << geometry.indexBits(level)) - 1);
  }

  private static long slot(long table, int index) {
    return table + ((long) index << ENTRY_LG2);
  }
}
