package org.iommu4j.pgtable;

import com.google.errorprone.annotations.concurrent.GuardedBy;
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
 * The generic page table: maps and unmaps ranges, over the bits of a {@link PageTableFormat}.
 *
 * <p><b>Threads.</b> Calls on disjoint ranges may run at the same time; there is no lock around the
 * table. New tables are linked by compare-and-set, whose loser frees its own and goes on with the
 * winner's (PTG-014). A table is unlinked only by an unmap that covers all of it, or by a map that
 * puts a leaf in its place, so no other caller can be about to use it. Calls on overlapping ranges
 * must not overlap in time. Only growing the top takes a lock; the pair of root and level is one
 * word, so nobody ever sees one without the other.
 *
 * <p><b>The hardware</b> sees a table only after the zeroes or entries in it: linking it is a
 * compare-and-set. Leaves are plain stores of whole words, in runs; a fence at the end of each call
 * orders them before whatever the caller does to let the hardware know. An unlinked table goes to
 * the gather and keeps its content until whoever invalidates frees it.
 *
 * <p><b>Speed.</b> Nothing is allocated except in the rare calls that replace tables or have to
 * invalidate on the way. The format is asked once, in the constructor: {@link TableShape} keeps its
 * answers as numbers. A call for one leaf whose tables are there is one walk in {@link Tables};
 * everything else goes table by table ({@link LeafMapper}, {@link LeafUnmapper}), and the memory is
 * asked once per run of entries.
 */
@Mirrors({"pt_iommu", "pt_common"})
public final class RadixPageTable {
  private static final int ADDRESS_BITS = 64;
  private static final long PAGE = TableShape.PAGE;

  private final PhysicalMemory memory;
  private final PageTableFormat format;
  private final PageTableOwner owner;
  private final TableShape shape;
  private final Tables tables;
  private final TableLinks links;
  private final LeafMapper mapper;
  private final LeafUnmapper unmapper;

  private final Object growing = new Object();

  /** Address of the top table, with its level in the low bits. */
  private volatile long top;

  private volatile long pageSizes;

  /**
   * Creates an empty table.
   *
   * @param format the bits
   * @param memory where the tables lie
   * @param owner invalidates for it
   * @throws IommuException ENOMEM if there is no page for the top table
   */
  @Mirrors("pt_iommu_init")
  public RadixPageTable(PageTableFormat format, PhysicalMemory memory, PageTableOwner owner) {
    this.memory = memory;
    this.format = format;
    this.owner = owner;
    shape = new TableShape(format);
    links = new TableLinks(shape, memory, owner);
    mapper = new LeafMapper(shape, memory, owner, links);
    unmapper = new LeafUnmapper(shape, memory, links);
    pageSizes = shape.possibleSizes();
    tables = Tables.of(shape, memory);
    top = memory.allocatePages(shape.rootPages) | shape.firstTop;
  }

  /**
   * The format.
   *
   * @return the bits of this table
   */
  public PageTableFormat format() {
    return format;
  }

  /**
   * The physical address of the top table; of the present one, if the table grows.
   *
   * @return a multiple of 4096
   */
  public long root() {
    return Tables.root(top);
  }

  /**
   * The level of the top table; of the present one, if the table grows.
   *
   * @return a level
   */
  public int topLevel() {
    return Tables.level(top);
  }

  /**
   * The leaf sizes that are used (PTG-008).
   *
   * @return a bit set, one bit per size in bytes
   */
  public long pageSizes() {
    return pageSizes;
  }

  /**
   * Hides leaf sizes from mappings to come.
   *
   * @param sizes a bit set, one bit per size in bytes; those that the format does not have count
   *     for nothing
   */
  public void restrictPageSizes(long sizes) {
    pageSizes = shape.possibleSizes() & sizes;
  }

  /**
   * The addresses that should be used; with sign extension only the lower half (PTG-024).
   *
   * @return an aperture that begins at 0
   */
  public DomainGeometry aperture() {
    return new DomainGeometry(
        0, TableShape.below(shape.signExtend ? shape.inputBits - 1 : shape.inputBits), true);
  }

  /**
   * Maps a range with leaves as large as possible (PTG-006 to PTG-015). What was mapped before an
   * error stays; the caller unmaps it.
   *
   * @param iova first input address
   * @param paddr first output address
   * @param size bytes, a multiple of the smallest page
   * @param prot bits of {@link Prot}
   * @return as {@link MapResult}, in pages of 4 KiB: EINVAL for no permission, one the format
   *     cannot express or no size, ERANGE for addresses out of range, EOVERFLOW for a range that
   *     wraps, ENXIO if no page size fits, EADDRINUSE for what is mapped already, ENOMEM for no
   *     table
   */
  @Mirrors({"pt_iommu_ops.map_range", "map_range"})
  public long map(long iova, long paddr, long size, int prot) {
    if (mapOne(iova, paddr, size, prot)) {
      return MapResult.mapped(size >>> TableShape.PAGE_LG2);
    }
    Errno refusal = refuses(iova, paddr, size, prot);
    if (refusal != null) {
      return MapResult.failed(0, refusal);
    }
    int sizeLg2 = firstPage(iova, paddr, size);
    if (sizeLg2 == 0) {
      return MapResult.failed(0, Errno.ENXIO);
    }
    Errno outOfReach = reach(iova, iova + size - 1, shape.levelOf(sizeLg2));
    if (outOfReach != null) {
      return MapResult.failed(0, outOfReach);
    }
    long result = mapper.map(top, iova, paddr, size, sizeLg2, pageSizes, shape.attributes(prot));
    VarHandle.releaseFence();
    return result;
  }

  /**
   * One leaf whose tables are all there is one store (PTG-015). All that could be refused is asked
   * in a few tests; what does not pass them is looked at in the order of PTG-009.
   *
   * @return false, with nothing done, if it is not so simple
   */
  @Mirrors("__do_map_single_page")
  private boolean mapOne(long iova, long paddr, long size, int prot) {
    long offset = size - 1;
    boolean aligned =
        ((iova & (offset | shape.perhapsOutside)) | (paddr & (offset | shape.beyondOutput))) == 0;
    long attributes = shape.simpleAttributes(prot);
    return aligned
        && attributes != 0
        && (size == PAGE || ((size & offset) == 0 && (size & pageSizes) != 0))
        && tables.map(top, iova, paddr, Long.numberOfTrailingZeros(size), attributes);
  }

  /** The checks that need no table, in the order of PTG-009. */
  private @Nullable Errno refuses(long iova, long paddr, long size, int prot) {
    if ((prot & Prot.RW) == 0) {
      return Errno.EINVAL;
    }
    if ((paddr & shape.beyondOutput) != 0) {
      return Errno.ERANGE;
    }
    Errno inexpressible = shape.refuses(prot);
    if (inexpressible != null) {
      return inexpressible;
    }
    if (size == 0) {
      return Errno.EINVAL;
    }
    return Long.compareUnsigned(iova + size - 1, iova) < 0 ? Errno.EOVERFLOW : null;
  }

  /** A single CPU page needs no page size but its own (PTG-015); log2, 0 if none fits. */
  private int firstPage(long iova, long paddr, long size) {
    if (size == PAGE) {
      return ((iova | paddr) & (PAGE - 1)) == 0 ? TableShape.PAGE_LG2 : 0;
    }
    // Linux leaves the tail to its callers' care and runs away; here it is misaligned.
    return (size & (PAGE - 1)) != 0 ? 0 : LeafSizes.best(pageSizes, iova, paddr, size);
  }

  /** Checks the range against the width and makes the table grow to it (PTG-023, PTG-024). */
  private @Nullable Errno reach(long iova, long last, int leafLevel) {
    if (inRange(iova, last, top) && leafLevel <= Tables.level(top)) {
      return null;
    }
    if (!shape.dynamicTop) {
      return Errno.ERANGE;
    }
    int level =
        beyondWidth(last) ? shape.maxTop + 1 : Math.max(leafLevel, shape.levelReaching(last));
    if (level > shape.maxTop) {
      return Errno.ERANGE;
    }
    try {
      grow(level);
      return null;
    } catch (IommuException noMemory) {
      return noMemory.errno();
    }
  }

  /** Nearly all ranges are in the lower half and below what the first top table reaches. */
  private boolean inRange(long iova, long last, long now) {
    return (last & shape.perhapsOutside) == 0 || inRangeOf(iova, last, now);
  }

  private boolean inRangeOf(long iova, long last, long now) {
    if (shape.signExtend) {
      int unused = ADDRESS_BITS - shape.inputBits;
      return (iova << unused) >> unused == iova
          && ((iova ^ last) & ~TableShape.below(shape.inputBits)) == 0;
    }
    if (beyondWidth(last)) {
      return false;
    }
    return !shape.dynamicTop || (last & ~TableShape.below(shape.reach(Tables.level(now)))) == 0;
  }

  private boolean beyondWidth(long last) {
    return (last & ~TableShape.below(shape.inputBits)) != 0;
  }

  /** Makes the top as high as wanted; two callers may want it, the second finds it done. */
  @Mirrors("increase_top")
  private void grow(int level) {
    if (Tables.level(top) < level) {
      synchronized (growing) {
        growLocked(level);
      }
    }
  }

  /** The hardware is told once, when all the tables are there. */
  @GuardedBy("growing")
  private void growLocked(int level) {
    long old = Tables.root(top);
    long table = old;
    for (int at = Tables.level(top) + 1; at <= level; at++) {
      long above;
      try {
        above = memory.allocatePage();
      } catch (IommuException noMemory) {
        freeDownTo(old, table);
        throw noMemory;
      }
      memory.writeRelease(above, shape.table(table, at));
      table = above;
    }
    if (table != old) {
      owner.changeTop(table, level);
      top = table | level;
    }
  }

  /** Frees tables nobody has seen, each of which leads to the next by its first entry. */
  private void freeDownTo(long old, long newest) {
    for (long table = newest; table != old; ) {
      long next = shape.address(memory.read(table));
      memory.freePage(table);
      table = next;
    }
  }

  /**
   * Removes mappings from an address on, up to the first hole; tables that the range covers and
   * that lost everything go to the gather's list (PTG-017 to PTG-022).
   *
   * @param iova first input address
   * @param size bytes
   * @param gather receives the range that was removed, unless it is queued, and the tables
   * @return bytes removed; more than asked for if the last leaf reaches beyond the end
   */
  @Mirrors({"pt_iommu_ops.unmap_range", "unmap_range"})
  public long unmap(long iova, long size, IotlbGather gather) {
    boolean apart = shape.noGaps && gather.end() != 0 && !gather.queued();
    if (!apart && unmapOne(iova, size)) {
      if (shape.detailed) {
        gather.addLevels(1 << shape.levelOf(Long.numberOfTrailingZeros(size)), 0);
      }
      if (!gather.queued()) {
        gather.addRange(iova, size);
      }
      return size;
    }
    long last = iova + size - 1;
    long now = top;
    if (size == 0 || Long.compareUnsigned(last, iova) < 0 || !inRange(iova, last, now)) {
      return 0;
    }
    if (apart) {
      return unmapApart(iova, size, now, gather);
    }
    long removed = unmapIn(iova, size, now, gather);
    if (!gather.queued()) {
      gather.addRange(iova, removed);
    }
    return removed;
  }

  /** A leaf of just that size needs no recursion; false, with nothing done, if it is not so. */
  private boolean unmapOne(long iova, long size) {
    long offset = size - 1;
    return (iova & (offset | shape.perhapsOutside)) == 0
        && (size & offset) == 0
        && !shape.incoherent
        && tables.unmap(top, iova, Long.numberOfTrailingZeros(size));
  }

  private long unmapIn(long iova, long size, long now, IotlbGather gather) {
    long removed = unmapper.unmap(Tables.root(now), Tables.level(now), iova, size, gather);
    VarHandle.releaseFence();
    return removed;
  }

  /** What was gathered before must be invalidated without the tables this unmap removes. */
  private long unmapApart(long iova, long size, long now, IotlbGather gather) {
    var mine = new IotlbGather();
    long removed = unmapIn(iova, size, now, mine);
    if (gather.isDisjoint(iova, removed)) {
      owner.invalidate(gather);
      gather.init();
    }
    gather.addRange(iova, removed);
    gather.addLevels(mine.leafLevels(), mine.tableLevels());
    for (int i = 0; i < mine.freedCount(); i++) {
      gather.free(mine.freed(i));
    }
    return removed;
  }

  /**
   * Translates an address (PTG-005).
   *
   * @param iova an input address
   * @return the output address, 0 if not mapped, out of range or mapped to 0
   */
  @Mirrors("pt_iommu_ops.iova_to_phys")
  public long translate(long iova) {
    long now = top;
    return inRange(iova, iova, now) ? tables.translate(now, iova) : 0;
  }

  /**
   * Reports the leaves of a range that were written through; holes are skipped (PTG-025). The
   * caller invalidates what the bitmap gathered.
   *
   * @param iova first input address
   * @param size bytes
   * @param noClear keep the marks
   * @param dirty receives the whole span of each such leaf within the range
   * @throws IommuException ERANGE or EOVERFLOW for a range the table does not have, EINVAL for none
   */
  @Mirrors("pt_iommu_ops.read_and_clear_dirty")
  public void readAndClearDirty(long iova, long size, boolean noClear, DirtyBitmap dirty) {
    long last = iova + size - 1;
    Errno bad =
        size == 0
            ? Errno.EINVAL
            : Long.compareUnsigned(last, iova) < 0
                ? Errno.EOVERFLOW
                : inRange(iova, last, top) ? null : Errno.ERANGE;
    if (bad != null) {
      throw new IommuException(
          bad,
          String.format("no dirty pages in 0x%x+0x%x of %s tables", iova, size, format.name()));
    }
    long now = top;
    new DirtyReader(shape, memory)
        .read(Tables.root(now), Tables.level(now), iova, last, noClear, dirty);
  }

  /**
   * Frees all tables, without any invalidation: the hardware must have forgotten this page table.
   * Leaves may remain (PTG-027).
   */
  @Mirrors({"pt_iommu_deinit", "pt_iommu_ops.deinit"})
  public void free() {
    var gather = new IotlbGather();
    long root = root();
    links.collect(root, topLevel(), gather);
    for (int i = 0; i < gather.freedCount(); i++) {
      long table = gather.freed(i);
      memory.freePages(table, table == root ? shape.rootPages : 1);
    }
  }

  /**
   * Shows every entry, in the order of input addresses.
   *
   * @param visitor is called for each entry that is not zero
   */
  public void visit(TableVisitor visitor) {
    long now = top;
    visit(Tables.root(now), Tables.level(now), visitor);
  }

  private void visit(long table, int level, TableVisitor visitor) {
    for (int i = 0; i <= shape.lastIndex(level); i++) {
      long entry = memory.readAcquire(TableShape.slot(table, i));
      if (entry == PageTableFormat.EMPTY) {
        continue;
      }
      if (shape.isTable(entry, level)) {
        visitor.entry(level, table, i, entry, shape.address(entry));
        visit(shape.address(entry), level - 1, visitor);
      } else {
        visitor.entry(level, table, i, entry, TableVisitor.NO_CHILD);
      }
    }
  }
}
