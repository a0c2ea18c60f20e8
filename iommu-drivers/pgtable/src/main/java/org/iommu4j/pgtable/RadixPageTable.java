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
 * invalidate on the way. The memory is asked once per run of entries where there is one, and the
 * format once per call or leaf; the masks are read from arrays of this object.
 */
@Mirrors({"pt_iommu", "pt_common"})
public final class RadixPageTable {
  private static final int PAGE_LG2 = 12;
  private static final long PAGE = 1L << PAGE_LG2;
  private static final long LEVEL_MASK = PAGE - 1;
  private static final int ENTRY_LG2 = 3;
  private static final int ADDRESS_BITS = 64;

  /** Marks, in a table's address, one that was made by the same call: nothing is in it. */
  private static final long FRESH = 1;

  private final PhysicalMemory memory;
  private final PageTableFormat format;
  private final PageTableOwner owner;

  private final int inputBits;
  private final int maxTopLevel;
  private final boolean dynamicTop;
  private final boolean signExtend;
  private final boolean incoherent;
  private final boolean noGaps;
  private final boolean detailed;

  private final int pageLg2;
  private final int levelBits;
  private final int[] itemLg2;
  private final int[] indexMask;
  private final long[] tableMask;
  private final long[] tableValue;
  private final long presentMask;
  private final long addressMask;
  private final int addressShift;
  private final long writtenBack;

  /** More than one only where the top table has more index bits than the others. */
  private final int rootPages;

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
    PageTableConfig config = format.config();
    inputBits = config.inputBits();
    maxTopLevel = format.maxTopLevel();
    dynamicTop = config.has(PageTableFeature.DYNAMIC_TOP);
    signExtend = config.has(PageTableFeature.SIGN_EXTEND);
    incoherent = config.has(PageTableFeature.DMA_INCOHERENT);
    noGaps = config.has(PageTableFeature.FLUSH_RANGE_NO_GAPS);
    detailed = config.has(PageTableFeature.DETAILED_GATHER);
    pageLg2 = format.itemLg2(0);
    levelBits = format.indexBits(0);
    int levels = maxTopLevel + 1;
    itemLg2 = new int[levels];
    indexMask = new int[levels];
    tableMask = new long[levels];
    tableValue = new long[levels];
    for (int level = 0; level < levels; level++) {
      itemLg2[level] = format.itemLg2(level);
      indexMask[level] = (1 << format.indexBits(level)) - 1;
      tableMask[level] = level == 0 ? 0 : format.tableMask(level);
      tableValue[level] = level == 0 ? 1 : format.tableValue(level); // 0 & 0 is never 1
    }
    presentMask = format.presentMask();
    addressMask = format.addressMask();
    addressShift = format.addressShift();
    writtenBack = format.writtenBackMask();
    pageSizes = possibleSizes();
    rootPages = Math.max(1, (indexMask[format.topLevel()] + 1) >>> (PAGE_LG2 - ENTRY_LG2));
    top = memory.allocatePages(rootPages) | format.topLevel();
  }

  /** All leaf sizes of the levels in use, within what both widths allow (PTG-008). */
  private long possibleSizes() {
    int highest = dynamicTop ? maxTopLevel : format.topLevel();
    long sizes = 0;
    for (int level = 0; level <= highest; level++) {
      sizes |= format.leafSizes(level);
    }
    return sizes & below(inputBits - 1) & below(format.config().outputBits());
  }

  private static long below(int bits) {
    return bits >= ADDRESS_BITS ? -1L : (1L << bits) - 1;
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
    return top & -PAGE;
  }

  /**
   * The level of the top table; of the present one, if the table grows.
   *
   * @return a level
   */
  public int topLevel() {
    return (int) (top & LEVEL_MASK);
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
    pageSizes = possibleSizes() & sizes;
  }

  /**
   * The addresses that should be used; with sign extension only the lower half (PTG-024).
   *
   * @return an aperture that begins at 0
   */
  public DomainGeometry aperture() {
    return new DomainGeometry(0, below(signExtend ? inputBits - 1 : inputBits), true);
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
    Errno refusal = refuses(iova, paddr, size, prot);
    if (refusal != null) {
      return MapResult.failed(0, refusal);
    }
    int sizeLg2 = firstPage(iova, paddr, size);
    if (sizeLg2 == 0) {
      return MapResult.failed(0, Errno.ENXIO);
    }
    Errno outOfReach = reach(iova, iova + size - 1, levelOf(sizeLg2));
    if (outOfReach != null) {
      return MapResult.failed(0, outOfReach);
    }
    long attributes = format.attributes(prot);
    if (size == 1L << sizeLg2 && mapOne(iova, paddr, sizeLg2, attributes)) {
      return MapResult.mapped(size >>> PAGE_LG2);
    }
    long result = mapPages(iova, paddr, size, sizeLg2, attributes);
    VarHandle.releaseFence();
    return result;
  }

  /** One entry whose tables are all there is one store (PTG-015); false if it is not so simple. */
  @Mirrors("__do_map_single_page")
  private boolean mapOne(long iova, long paddr, int sizeLg2, long attributes) {
    int leafLevel = levelOf(sizeLg2);
    if (incoherent || sizeLg2 != itemLg2[leafLevel]) {
      return false;
    }
    long now = top;
    long table = now & -PAGE;
    for (int level = (int) (now & LEVEL_MASK); level > leafLevel; level--) {
      long entry = memory.readAcquire(slot(table, index(iova, level)));
      if ((entry & tableMask[level]) != tableValue[level]) {
        return false;
      }
      table = address(entry);
    }
    long slot = slot(table, index(iova, leafLevel));
    if (memory.readAcquire(slot) != PageTableFormat.EMPTY) {
      return false;
    }
    memory.writeRelease(slot, format.leaf(paddr, leafLevel, sizeLg2, attributes));
    return true;
  }

  /** The checks that need no table, in the order of PTG-009. */
  private @Nullable Errno refuses(long iova, long paddr, long size, int prot) {
    if ((prot & Prot.RW) == 0) {
      return Errno.EINVAL;
    }
    if ((paddr & ~below(format.config().outputBits())) != 0) {
      return Errno.ERANGE;
    }
    Errno inexpressible = format.refuses(prot);
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
      return ((iova | paddr) & (PAGE - 1)) == 0 ? PAGE_LG2 : 0;
    }
    // Linux leaves the tail to its callers' care and runs away; here it is misaligned.
    return (size & (PAGE - 1)) != 0 ? 0 : bestPage(iova, paddr, size);
  }

  /** The largest size that fits and to which both addresses are aligned (PTG-006); 0 if none. */
  @Mirrors("pt_compute_best_pgsize")
  private int bestPage(long iova, long paddr, long size) {
    long aligned = Long.lowestOneBit(iova | paddr);
    long upToAlignment = aligned == 0 ? -1L : aligned | (aligned - 1);
    long upToSize = Long.highestOneBit(size) | (Long.highestOneBit(size) - 1);
    long fit = pageSizes & upToAlignment & upToSize;
    return fit == 0 ? 0 : Long.SIZE - 1 - Long.numberOfLeadingZeros(fit);
  }

  private int levelOf(int sizeLg2) {
    int level = 0;
    while (level < maxTopLevel && sizeLg2 >= itemLg2[level + 1]) {
      level++;
    }
    return level;
  }

  /** Checks the range against the width and makes the table grow to it (PTG-023, PTG-024). */
  private @Nullable Errno reach(long iova, long last, int leafLevel) {
    if (!dynamicTop) {
      return inRange(iova, last, top) ? null : Errno.ERANGE;
    }
    int level = beyondWidth(last) ? maxTopLevel + 1 : Math.max(leafLevel, levelReaching(last));
    if (level > maxTopLevel) {
      return Errno.ERANGE;
    }
    try {
      grow(level);
      return null;
    } catch (IommuException noMemory) {
      return noMemory.errno();
    }
  }

  /** The lowest level whose top table reaches an address. */
  private int levelReaching(long last) {
    int level = 0;
    while (level <= maxTopLevel && (last & ~below(reachLg2(level))) != 0) {
      level++;
    }
    return level;
  }

  private int reachLg2(int level) {
    return itemLg2[level] + Integer.bitCount(indexMask[level]);
  }

  private boolean inRange(long iova, long last, long now) {
    if (signExtend) {
      int unused = ADDRESS_BITS - inputBits;
      return (iova << unused) >> unused == iova && ((iova ^ last) & ~below(inputBits)) == 0;
    }
    if (beyondWidth(last)) {
      return false;
    }
    if (!dynamicTop) {
      return true;
    }
    return (last & ~below(reachLg2((int) (now & LEVEL_MASK)))) == 0;
  }

  private boolean beyondWidth(long last) {
    return (last & ~below(inputBits)) != 0;
  }

  /** Makes the top as high as wanted; two callers may want it, the second finds it done. */
  @Mirrors("increase_top")
  private void grow(int level) {
    if ((int) (top & LEVEL_MASK) < level) {
      synchronized (growing) {
        growLocked(level);
      }
    }
  }

  /** The hardware is told once, when all the tables are there. */
  @GuardedBy("growing")
  private void growLocked(int level) {
    long old = top & -PAGE;
    long table = old;
    for (int at = (int) (top & LEVEL_MASK) + 1; at <= level; at++) {
      long above;
      try {
        above = memory.allocatePage();
      } catch (IommuException noMemory) {
        freeDownTo(old, table);
        throw noMemory;
      }
      memory.writeRelease(above, format.table(table, at));
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
      long next = address(memory.read(table));
      memory.freePage(table);
      table = next;
    }
  }

  /** Chooses sizes and maps runs of leaves of one size, in ascending order (PTG-007). */
  private long mapPages(long iova, long paddr, long size, int firstLg2, long attributes) {
    int sizeLg2 = firstLg2;
    long done = 0;
    while (true) {
      long leaves = leafCount(iova + done, paddr + done, size - done, sizeLg2);
      long result = mapLeaves(iova + done, paddr + done, leaves, sizeLg2, attributes);
      done += MapResult.pages(result) << sizeLg2;
      if (MapResult.isFailure(result)) {
        return MapResult.failed(done >>> PAGE_LG2, MapResult.errno(result));
      }
      if (done == size) {
        return MapResult.mapped(done >>> PAGE_LG2);
      }
      sizeLg2 = bestPage(iova + done, paddr + done, size - done);
      if (sizeLg2 == 0) {
        return MapResult.failed(done >>> PAGE_LG2, Errno.ENXIO);
      }
    }
  }

  /** How many leaves of a size are mapped before a larger size is tried (PTG-007). */
  @Mirrors("pt_pgsz_count")
  private long leafCount(long iova, long paddr, long size, int sizeLg2) {
    long larger = pageSizes & -2L << sizeLg2;
    if (larger != 0) {
      long next = Long.lowestOneBit(larger);
      if (((iova ^ paddr) & (next - 1)) == 0) {
        long toBoundary = next - (iova & (next - 1));
        return (Long.compareUnsigned(toBoundary, size) < 0 ? toBoundary : size) >>> sizeLg2;
      }
    }
    return size >>> sizeLg2;
  }

  /** Maps leaves of one size table by table; counts leaves in its result. */
  private long mapLeaves(long iova, long paddr, long leaves, int sizeLg2, long attributes) {
    int level = levelOf(sizeLg2);
    int itemsLg2 = sizeLg2 - itemLg2[level];
    long done = 0;
    while (done < leaves) {
      long at = iova + (done << sizeLg2);
      long table = tableFor(at, level);
      if (table < 0) {
        return MapResult.failed(done, Errno.ofNumber((int) -table));
      }
      int index = index(at, level);
      int room = (indexMask[level] + 1 - index) >>> itemsLg2;
      int count = (int) Math.min(leaves - done, room);
      long first = paddr + (done << sizeLg2);
      long slot = slot(table & ~FRESH, index);
      if ((table & FRESH) != 0) {
        write(slot, count, first, level, sizeLg2, attributes);
        done += count;
      } else {
        long result = fillTable(slot, count, at, first, level, sizeLg2, attributes);
        done += MapResult.pages(result);
        if (MapResult.isFailure(result)) {
          return MapResult.failed(done, MapResult.errno(result));
        }
      }
    }
    return MapResult.mapped(done);
  }

  /** Writes leaves into a table that may hold something; stops at what is mapped. */
  private long fillTable(
      long slot, int leaves, long iova, long paddr, int level, int sizeLg2, long attributes) {
    int itemsLg2 = sizeLg2 - itemLg2[level];
    int done = 0;
    while (done < leaves) {
      long at = slot + ((long) done << itemsLg2 << ENTRY_LG2);
      int free = memory.leadingZeroes(at, (leaves - done) << itemsLg2) >>> itemsLg2;
      if (free > 0) {
        write(at, free, paddr + ((long) done << sizeLg2), level, sizeLg2, attributes);
        done += free;
      } else {
        Errno inTheWay = replaceTables(at, 1 << itemsLg2, iova + ((long) done << sizeLg2), level);
        if (inTheWay != null) {
          return MapResult.failed(done, inTheWay);
        }
      }
    }
    return MapResult.mapped(done);
  }

  private void write(long slot, int leaves, long paddr, int level, int sizeLg2, long attributes) {
    int items = 1 << (sizeLg2 - itemLg2[level]);
    if (items == 1) {
      long first = format.leaf(paddr, level, sizeLg2, attributes);
      if (leaves == 1) {
        memory.writeRelease(slot, first);
      } else {
        memory.fillRising(slot, leaves, first, sizeLg2 - addressShift);
      }
    } else {
      for (int i = 0; i < leaves; i++) {
        long leaf = format.leaf(paddr + ((long) i << sizeLg2), level, sizeLg2, attributes);
        memory.fill(slot + (((long) i * items) << ENTRY_LG2), items, leaf);
      }
    }
    if (incoherent) {
      owner.writeBack(slot, ((long) leaves * items) << ENTRY_LG2);
    }
  }

  /**
   * Follows tables to one of a level and makes those that are missing.
   *
   * @return its address, with {@link #FRESH}; or an errno, negative
   */
  private long tableFor(long iova, int leafLevel) {
    long now = top;
    long table = now & -PAGE;
    long fresh = 0;
    for (int level = (int) (now & LEVEL_MASK); level > leafLevel; level--) {
      long slot = slot(table, index(iova, level));
      long entry = memory.readAcquire(slot);
      if ((entry & tableMask[level]) == tableValue[level]) {
        if (incoherent && (entry & writtenBack) == 0) {
          markWrittenBack(slot, entry);
        }
        table = address(entry);
        fresh = 0;
      } else {
        table = makeTable(slot, entry, level);
        if (table < 0) {
          return table;
        }
        fresh = table & FRESH;
        table &= ~FRESH;
      }
    }
    return table | fresh;
  }

  /** Links a new table where there is none; one that another thread linked meanwhile will do. */
  @Mirrors("pt_iommu_new_table")
  private long makeTable(long slot, long seen, int level) {
    if ((seen & presentMask) != 0) {
      return -Errno.EADDRINUSE.number();
    }
    long table;
    try {
      table = memory.allocatePage();
    } catch (IommuException noMemory) {
      return -noMemory.errno().number();
    }
    if (incoherent) {
      owner.writeBack(table, PAGE);
    }
    long link = format.table(table, level);
    if (memory.compareAndSet(slot, seen, link)) {
      if (incoherent) {
        markWrittenBack(slot, link);
      }
      return table | FRESH;
    }
    memory.freePage(table);
    long other = memory.readAcquire(slot);
    return (other & tableMask[level]) == tableValue[level]
        ? address(other)
        : makeTable(slot, other, level);
  }

  private void markWrittenBack(long slot, long entry) {
    owner.writeBack(slot, Long.BYTES);
    // Whoever comes first marks it; the entry says the same for both.
    memory.compareAndSet(slot, entry, entry | writtenBack);
  }

  /**
   * Removes the empty tables where a leaf shall stand, and invalidates cached walks through them
   * (PTG-012, PTG-013).
   *
   * @return EADDRINUSE if there is a leaf in one of them, or null
   */
  @Mirrors("clear_contig")
  private @Nullable Errno replaceTables(long slot, int items, long iova, int level) {
    var gather = new IotlbGather();
    Errno inTheWay = null;
    for (int i = 0; i < items && inTheWay == null; i++) {
      long at = slot + ((long) i << ENTRY_LG2);
      long entry = memory.readAcquire(at);
      if ((entry & tableMask[level]) == tableValue[level]) {
        if (holdsLeaf(address(entry), level - 1)) {
          inTheWay = Errno.EADDRINUSE;
        } else {
          clear(at, 1);
          collectTables(address(entry), level - 1, gather);
          gather.addRange(iova + ((long) i << itemLg2[level]), 1L << itemLg2[level]);
        }
      } else if ((entry & presentMask) != 0) {
        inTheWay = Errno.EADDRINUSE;
      } else if (entry != PageTableFormat.EMPTY) {
        clear(at, 1); // not present, but not zero either
      }
    }
    if (gather.freedCount() > 0) {
      owner.invalidate(gather);
    }
    return inTheWay;
  }

  private boolean holdsLeaf(long table, int level) {
    for (int i = 0; i <= indexMask[level]; i++) {
      long entry = memory.readAcquire(slot(table, i));
      boolean leads = (entry & tableMask[level]) == tableValue[level];
      if (leads ? holdsLeaf(address(entry), level - 1) : (entry & presentMask) != 0) {
        return true;
      }
    }
    return false;
  }

  private void collectTables(long table, int level, IotlbGather gather) {
    for (int i = 0; level > 0 && i <= indexMask[level]; i++) {
      long entry = memory.readAcquire(slot(table, i));
      if ((entry & tableMask[level]) == tableValue[level]) {
        collectTables(address(entry), level - 1, gather);
      }
    }
    gather.free(table);
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
    long last = iova + size - 1;
    long now = top;
    if (size == 0 || Long.compareUnsigned(last, iova) < 0 || !inRange(iova, last, now)) {
      return 0;
    }
    if (noGaps && gather.end() != 0 && !gather.queued()) {
      return unmapApart(iova, size, now, gather);
    }
    long removed =
        unmapOne(iova, size, now, gather)
            ? size
            : unmapIn(now & -PAGE, (int) (now & LEVEL_MASK), iova, size, gather);
    VarHandle.releaseFence();
    if (!gather.queued()) {
      gather.addRange(iova, removed);
    }
    return removed;
  }

  /** A single entry of just that size needs no recursion; false if it is not so simple. */
  private boolean unmapOne(long iova, long size, long now, IotlbGather gather) {
    long table = now & -PAGE;
    int level = (int) (now & LEVEL_MASK);
    long slot = slot(table, index(iova, level));
    long entry = memory.readAcquire(slot);
    while ((entry & tableMask[level]) == tableValue[level]) {
      level--;
      slot = slot(address(entry), index(iova, level));
      entry = memory.readAcquire(slot);
    }
    boolean simple =
        size == 1L << itemLg2[level] && (iova & (size - 1)) == 0 && (entry & presentMask) != 0;
    if (!simple || incoherent || format.leafLg2(entry, level) != itemLg2[level]) {
      return false;
    }
    memory.writeRelease(slot, PageTableFormat.EMPTY);
    if (detailed) {
      gather.addLevels(1 << level, 0);
    }
    return true;
  }

  /** What was gathered before must be invalidated without the tables this unmap removes. */
  private long unmapApart(long iova, long size, long now, IotlbGather gather) {
    var mine = new IotlbGather();
    long removed = unmapIn(now & -PAGE, (int) (now & LEVEL_MASK), iova, size, mine);
    VarHandle.releaseFence();
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

  private long unmapIn(long table, int level, long iova, long size, IotlbGather gather) {
    return level == 0
        ? unmapLeaves(table, iova, size, gather)
        : unmapItems(table, level, iova, size, gather);
  }

  /** In a table of level 0 all that is there is leaves: they are counted and cleared in runs. */
  private long unmapLeaves(long table, long iova, long size, IotlbGather gather) {
    int index = index(iova, 0);
    long slot = slot(table, index);
    long first = memory.readAcquire(slot);
    if ((first & presentMask) == 0 || (iova & ((1L << format.leafLg2(first, 0)) - 1)) != 0) {
      return 0;
    }
    long wanted = ((size - 1) >>> itemLg2[0]) + 1;
    int room = indexMask[0] + 1 - index;
    int count = 1;
    if (wanted != 1) {
      int most = Long.compareUnsigned(wanted, room) < 0 ? (int) wanted : room;
      count = present(slot, most, first);
    }
    long end = count == 1 ? first : memory.read(slot(table, index + count - 1));
    count = toEndOfLeaf(end, index, count);
    clear(slot, count);
    if (detailed) {
      gather.addLevels(1, 0);
    }
    return (long) count << itemLg2[0];
  }

  /** Counts leaves from a first one on; most have the bit it has, and one bit is tested faster. */
  private int present(long slot, int most, long first) {
    int count = memory.leadingMarked(slot, most, Long.lowestOneBit(first & presentMask));
    return count == most
        ? count
        : count + memory.leadingMarked(slot(slot, count), most - count, presentMask);
  }

  /** A leaf that is cut by the end of the range goes whole (PTG-018). */
  private int toEndOfLeaf(long lastLeaf, int index, int count) {
    int items = 1 << (format.leafLg2(lastLeaf, 0) - itemLg2[0]);
    return Math.max(count, ((index + count - 1) & -items) + items - index);
  }

  private long unmapItems(long table, int level, long iova, long size, IotlbGather gather) {
    long item = 1L << itemLg2[level];
    long done = 0;
    int index = index(iova, level);
    while (Long.compareUnsigned(done, size) < 0 && index <= indexMask[level]) {
      long at = iova + done;
      long slot = slot(table, index);
      long entry = memory.readAcquire(slot);
      if ((entry & tableMask[level]) == tableValue[level]) {
        long inItem = item - (at & (item - 1));
        long part = Long.compareUnsigned(size - done, inItem) < 0 ? size - done : inItem;
        long removed = unmapIn(address(entry), level - 1, at, part, gather);
        done += removed;
        if (Long.compareUnsigned(removed, part) < 0) {
          return done;
        }
        if (part == item) {
          unlink(slot, entry, level, gather);
        }
        index++;
      } else {
        long leaf = (entry & presentMask) == 0 ? 0 : 1L << format.leafLg2(entry, level);
        if (leaf == 0 || (at & (leaf - 1)) != 0) {
          return done;
        }
        int items = (int) (leaf >>> itemLg2[level]);
        clear(slot, items);
        if (detailed) {
          gather.addLevels(1 << level, 0);
        }
        done += leaf;
        index += items;
      }
    }
    return done;
  }

  /** The range covers the table and nothing is left in it: this caller alone knows it (PTG-019). */
  private void unlink(long slot, long entry, int level, IotlbGather gather) {
    clear(slot, 1);
    gather.free(address(entry));
    if (detailed) {
      gather.addLevels(0, 1 << level);
    }
  }

  private void clear(long slot, int items) {
    if (items == 1) {
      memory.writeRelease(slot, PageTableFormat.EMPTY);
    } else {
      memory.clear(slot, items);
    }
    if (incoherent) {
      owner.writeBack(slot, (long) items << ENTRY_LG2);
    }
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
    if (!inRange(iova, iova, now)) {
      return 0;
    }
    long table = now & -PAGE;
    int level = (int) (now & LEVEL_MASK);
    while (true) {
      long entry = memory.readAcquire(slot(table, index(iova, level)));
      if ((entry & tableMask[level]) == tableValue[level]) {
        table = address(entry);
        level--;
      } else if ((entry & presentMask) == 0) {
        return 0;
      } else {
        int sizeLg2 = format.leafLg2(entry, level);
        return format.leafAddress(entry, level) | (iova & ((1L << sizeLg2) - 1));
      }
    }
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
    dirtyIn(now & -PAGE, (int) (now & LEVEL_MASK), iova, last, noClear, dirty);
  }

  private void dirtyIn(
      long table, int level, long iova, long last, boolean noClear, DirtyBitmap dirty) {
    long item = 1L << itemLg2[level];
    int index = index(iova, level);
    long at = iova;
    while (index <= indexMask[level]) {
      long slot = slot(table, index);
      long entry = memory.readAcquire(slot);
      int items = 1;
      if ((entry & tableMask[level]) == tableValue[level]) {
        long itemLast = at | (item - 1);
        long part = Long.compareUnsigned(itemLast, last) < 0 ? itemLast : last;
        dirtyIn(address(entry), level - 1, at, part, noClear, dirty);
      } else if ((entry & presentMask) != 0) {
        items = 1 << (format.leafLg2(entry, level) - itemLg2[level]);
        long leafLast = at | (items * item - 1);
        long part = Long.compareUnsigned(leafLast, last) < 0 ? leafLast : last;
        if (takeDirty(slot(table, index & -items), items, noClear)) {
          dirty.record(at, part - at + 1);
        }
        items -= index & (items - 1);
      }
      long lastOfItems = (at | (item - 1)) + (items - 1) * item;
      if (Long.compareUnsigned(lastOfItems, last) >= 0) {
        return;
      }
      at = lastOfItems + 1;
      index += items;
    }
  }

  /** A leaf is dirty if any of its entries is; cleaning cleans all (PTA-007). */
  private boolean takeDirty(long slot, int items, boolean noClear) {
    long mask = format.dirtyMask();
    boolean found = false;
    for (int i = 0; i < items; i++) {
      long here = slot + ((long) i << ENTRY_LG2);
      long entry = memory.readAcquire(here);
      if ((entry & mask) != 0) {
        found = true;
        // Hardware may set other bits, or this one again, at any time.
        while (!noClear && !memory.compareAndSet(here, entry, entry & ~mask)) {
          entry = memory.readAcquire(here);
        }
      }
    }
    return found;
  }

  /**
   * Frees all tables, without any invalidation: the hardware must have forgotten this page table.
   * Leaves may remain (PTG-027).
   */
  @Mirrors({"pt_iommu_deinit", "pt_iommu_ops.deinit"})
  public void free() {
    var gather = new IotlbGather();
    collectTables(root(), topLevel(), gather);
    int children = gather.freedCount() - 1; // the root comes last
    for (int i = 0; i < children; i++) {
      memory.freePage(gather.freed(i));
    }
    memory.freePages(gather.freed(children), rootPages);
  }

  /**
   * Shows every entry, in the order of input addresses.
   *
   * @param visitor is called for each entry that is not zero
   */
  public void visit(TableVisitor visitor) {
    long now = top;
    visit(now & -PAGE, (int) (now & LEVEL_MASK), visitor);
  }

  private void visit(long table, int level, TableVisitor visitor) {
    for (int i = 0; i <= indexMask[level]; i++) {
      long entry = memory.readAcquire(slot(table, i));
      if (entry == PageTableFormat.EMPTY) {
        continue;
      }
      if ((entry & tableMask[level]) == tableValue[level]) {
        visitor.entry(level, table, i, entry, address(entry));
        visit(address(entry), level - 1, visitor);
      } else {
        visitor.entry(level, table, i, entry, TableVisitor.NO_CHILD);
      }
    }
  }

  private int index(long iova, int level) {
    return (int) (iova >>> (pageLg2 + level * levelBits)) & indexMask[level];
  }

  private static long slot(long table, int index) {
    return table + ((long) index << ENTRY_LG2);
  }

  private long address(long entry) {
    return (entry & addressMask) << addressShift;
  }
}
