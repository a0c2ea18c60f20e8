package org.iommu4j.driver.soft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Arrays;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;

/**
 * The page table of one domain, in memory that the hardware reads at the same time.
 *
 * <pre>
 *  input address
 *  47       39 38       30 29       21 20       12 11            0
 *  level 3     level 2     level 1     level 0     offset
 *              1 GiB       2 MiB       4 KiB                            leaf sizes
 * </pre>
 *
 * <p><b>Threads of the driver.</b> One lock per table, held for each call. Calls on different
 * ranges meet in the upper tables, where one may add an entry to the very table that another is
 * about to find empty and to unlink; under the lock there is nothing to get wrong. Drivers that
 * must be faster install tables by compare-and-set and do not unlink them while others may map.
 *
 * <p><b>The hardware</b> knows no lock. What it relies on: an entry is one word, so it sees the old
 * or the new one; a table is filled before the entry that points to it is written, with release
 * ordering; a table that was unlinked keeps its content until an invalidation after the unlinking
 * is complete. So this class never frees a table that was linked, before {@link #free}: an unmap
 * hands it to the gather, or, if a full flush will follow, to {@link #takeRetired}. The hardware
 * itself writes only DIRTY, by compare-and-set, and loses against a leaf that was removed.
 *
 * <p>Every linked table holds at least one entry: a map makes tables only for what it then fills,
 * an unmap unlinks what it emptied. So whatever stands in the way of a larger page is a mapping.
 */
final class PageTable {
  /** Input and output addresses are below this. */
  static final long LIMIT = 1L << 48;

  private static final int LEVELS = 4;
  private static final int PAGE_SHIFT = 12;
  private static final int INDEX_BITS = 9;
  private static final int ENTRIES = 1 << INDEX_BITS;
  private static final long[] NONE = {};

  private final PhysicalMemory memory;
  private final boolean tracksDirty;
  private final long root;

  /** The address of the entry of each level that the last {@link #descend} passed. */
  @GuardedBy("this")
  private final long[] path = new long[LEVELS];

  /** Tables unlinked by unmaps that a full flush will follow. */
  @GuardedBy("this")
  private long[] retired = NONE;

  @GuardedBy("this")
  private int retiredCount;

  /**
   * Creates an empty table.
   *
   * @param tracksDirty leave it to the hardware to set DIRTY
   */
  PageTable(PhysicalMemory memory, boolean tracksDirty) {
    this.memory = memory;
    this.tracksDirty = tracksDirty;
    this.root = memory.allocatePage();
  }

  /** The address of the table of level 3. */
  long root() {
    return root;
  }

  /**
   * Maps pages of one size; stops with EEXIST at the first that overlaps a mapping, with ENOMEM if
   * a table cannot be made.
   *
   * @return as {@link MapResult}
   */
  synchronized long map(long iova, long paddr, long pageSize, long pageCount, int prot) {
    int leafLevel = levelOf(pageSize);
    long leaf = PageEntry.leafBits(prot, tracksDirty);
    long done = 0;
    while (done < pageCount) {
      long at = iova + done * pageSize;
      int level = descend(at, leafLevel);
      if (memory.read(path[level]) != PageEntry.EMPTY) {
        return MapResult.failed(done, Errno.EEXIST);
      }
      if (level > leafLevel && !grow(at, level, leafLevel)) {
        return MapResult.failed(done, Errno.ENOMEM);
      }
      long room = Math.min(pageCount - done, ENTRIES - index(at, leafLevel));
      long filled = fill(path[leafLevel], (paddr + done * pageSize) | leaf, pageSize, room);
      addLive(leafLevel + 1, (int) filled);
      done += filled;
      if (filled < room) {
        return MapResult.failed(done, Errno.EEXIST);
      }
    }
    return MapResult.mapped(done);
  }

  /** Writes leaves until one is in the way; returns how many. */
  private long fill(long slot, long firstLeaf, long pageSize, long room) {
    long leaf = firstLeaf;
    for (long n = 0; n < room; n++) {
      long at = slot + n * Long.BYTES;
      if (memory.read(at) != PageEntry.EMPTY) {
        return n;
      }
      memory.writeRelease(at, leaf);
      leaf += pageSize;
    }
    return room;
  }

  /**
   * Makes the tables that are missing between the empty entry at {@code level} and the level of the
   * leaves. They are built from the bottom up where no one sees them and appear all at once, by the
   * one write that links the uppermost; if memory runs out nothing has changed.
   */
  @GuardedBy("this")
  private boolean grow(long iova, int level, int leafLevel) {
    long link = PageEntry.EMPTY;
    for (int l = leafLevel; l < level; l++) {
      long table;
      try {
        table = memory.allocatePage();
      } catch (IommuException noMemory) {
        for (int made = leafLevel; made < l; made++) {
          memory.freePage(tableAround(path[made]));
        }
        return false;
      }
      path[l] = slot(table, iova, l);
      memory.write(path[l], link);
      link = PageEntry.table(table, link == PageEntry.EMPTY ? 0 : 1);
    }
    memory.writeRelease(path[level], link);
    addLive(level + 1, 1);
    return true;
  }

  /** Counts new entries of the table that the entry on the path at {@code level} points to. */
  @GuardedBy("this")
  private void addLive(int level, int entries) {
    if (level < LEVELS) {
      long entry = memory.read(path[level]);
      memory.writeRelease(path[level], PageEntry.withLive(entry, PageEntry.live(entry) + entries));
    }
  }

  /**
   * Removes mappings from an address on, up to the first hole. A page that is larger than what
   * remains goes whole; one that begins before {@code iova} cannot be split and counts as a hole.
   *
   * @param size bytes; the range ends below {@link #LIMIT}
   * @param gather receives unlinked tables, unless it is queued
   * @return bytes removed
   */
  synchronized long unmap(long iova, long size, IotlbGather gather) {
    long done = 0;
    while (done < size) {
      long at = iova + done;
      int level = descend(at, 0);
      long span = span(level);
      if ((at & (span - 1)) != 0) {
        break;
      }
      long room = Math.min((size - done + span - 1) / span, ENTRIES - index(at, level));
      int cleared = clear(path[level], room);
      if (cleared == 0) {
        break;
      }
      done += cleared * span;
      removeLive(level, cleared, gather);
    }
    return done;
  }

  /** Clears leaves until something else comes; returns how many. */
  private int clear(long slot, long room) {
    for (int n = 0; n < room; n++) {
      long at = slot + (long) n * Long.BYTES;
      if (!PageEntry.isLeaf(memory.read(at))) {
        return n;
      }
      memory.writeRelease(at, PageEntry.EMPTY);
    }
    return (int) room;
  }

  /** Unlinks the table on the path at {@code level} if it lost its last entries, and so upwards. */
  @GuardedBy("this")
  private void removeLive(int level, int entries, IotlbGather gather) {
    int gone = entries;
    for (int above = level + 1; above < LEVELS; above++) {
      long entry = memory.read(path[above]);
      int live = PageEntry.live(entry) - gone;
      if (live > 0) {
        memory.writeRelease(path[above], PageEntry.withLive(entry, live));
        return;
      }
      memory.writeRelease(path[above], PageEntry.EMPTY);
      retire(PageEntry.address(entry), gather);
      gone = 1;
    }
  }

  /** A table the hardware may still be in: it is freed by whoever invalidates. */
  @GuardedBy("this")
  private void retire(long table, IotlbGather gather) {
    if (!gather.queued()) {
      gather.free(table);
      return;
    }
    if (retiredCount == retired.length) {
      retired = Arrays.copyOf(retired, Math.max(8, retiredCount * 2));
    }
    retired[retiredCount++] = table;
  }

  /**
   * The tables that were unlinked by queued unmaps until now, each only once: a full flush that
   * begins after this call makes them free (FQ-017).
   */
  synchronized long[] takeRetired() {
    if (retiredCount == 0) {
      return NONE;
    }
    long[] taken = Arrays.copyOf(retired, retiredCount);
    retiredCount = 0;
    return taken;
  }

  /** The physical address of an address below {@link #LIMIT}, 0 if not mapped. */
  synchronized long translate(long iova) {
    int level = descend(iova, 0);
    long entry = memory.read(path[level]);
    return PageEntry.isLeaf(entry) ? PageEntry.address(entry) | (iova & (span(level) - 1)) : 0;
  }

  /**
   * Reports written pages of a range.
   *
   * @param size bytes; the range ends below {@link #LIMIT}
   * @param clear take the marks away; the hardware may go on with cached ones until invalidated
   */
  synchronized void readDirty(long iova, long size, boolean clear, DirtyBitmap dirty) {
    long end = iova + size;
    long next;
    for (long at = iova; at < end; at = next) {
      int level = descend(at, 0);
      next = Math.min(end, (at | (span(level) - 1)) + 1);
      long entry = memory.read(path[level]);
      if (PageEntry.isLeaf(entry) && (entry & PageEntry.DIRTY) != 0) {
        dirty.record(at, next - at);
        if (clear) {
          memory.writeRelease(path[level], entry & ~PageEntry.DIRTY);
        }
      }
    }
  }

  /** Frees every table. The hardware must have forgotten this page table. */
  synchronized void free() {
    freeTable(root, LEVELS - 1);
    for (long table : takeRetired()) {
      memory.freePage(table);
    }
  }

  private void freeTable(long table, int level) {
    for (long at = table; level > 0 && at < table + PhysicalMemory.PAGE_SIZE; at += Long.BYTES) {
      long entry = memory.read(at);
      if (PageEntry.isTable(entry)) {
        freeTable(PageEntry.address(entry), level - 1);
      }
    }
    memory.freePage(table);
  }

  /**
   * Follows tables towards an address, down to a level or to the first entry that is no table.
   *
   * @return the level of the last entry on {@link #path}
   */
  @GuardedBy("this")
  private int descend(long iova, int lowest) {
    int level = LEVELS - 1;
    path[level] = slot(root, iova, level);
    long entry = memory.read(path[level]);
    while (level > lowest && PageEntry.isTable(entry)) {
      level--;
      path[level] = slot(PageEntry.address(entry), iova, level);
      entry = memory.read(path[level]);
    }
    return level;
  }

  private static int levelOf(long pageSize) {
    return (Long.numberOfTrailingZeros(pageSize) - PAGE_SHIFT) / INDEX_BITS;
  }

  private static long span(int level) {
    return 1L << (PAGE_SHIFT + level * INDEX_BITS);
  }

  private static int index(long iova, int level) {
    return (int) (iova >>> (PAGE_SHIFT + level * INDEX_BITS)) & (ENTRIES - 1);
  }

  private static long slot(long table, long iova, int level) {
    return table + (long) index(iova, level) * Long.BYTES;
  }

  private static long tableAround(long slot) {
    return slot & -PhysicalMemory.PAGE_SIZE;
  }
}
