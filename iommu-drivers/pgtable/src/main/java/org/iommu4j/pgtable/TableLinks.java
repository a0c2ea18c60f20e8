package org.iommu4j.pgtable;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Mirrors;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * Makes the tables that a map needs, and takes away those that it replaces.
 *
 * <p>A new table is linked by compare-and-set; whoever loses frees its own and goes on with the
 * winner's (PTG-014).
 */
final class TableLinks {
  /** Marks, in a table's address, one that was made by the same call: nothing is in it. */
  static final long FRESH = 1;

  private final TableShape shape;
  private final PhysicalMemory memory;
  private final PageTableOwner owner;

  TableLinks(TableShape shape, PhysicalMemory memory, PageTableOwner owner) {
    this.shape = shape;
    this.memory = memory;
    this.owner = owner;
  }

  /**
   * Follows tables to one of a level and makes those that are missing.
   *
   * @return its address, with {@link #FRESH}; or an errno, negative
   */
  long tableFor(long top, long iova, int leafLevel) {
    long table = Tables.root(top);
    for (int level = Tables.level(top); level > leafLevel; level--) {
      long slot = TableShape.slot(table & ~FRESH, shape.index(iova, level));
      long entry = memory.readAcquire(slot);
      if (shape.isTable(entry, level)) {
        if (shape.incoherent && (entry & shape.writtenBack) == 0) {
          markWrittenBack(slot, entry);
        }
        table = shape.address(entry);
      } else {
        table = make(slot, entry, level);
        if (table < 0) {
          return table;
        }
      }
    }
    return table;
  }

  /** Links a new table where there is none; one that another thread linked meanwhile will do. */
  @Mirrors("pt_iommu_new_table")
  private long make(long slot, long seen, int level) {
    if (shape.isPresent(seen)) {
      return -Errno.EADDRINUSE.number();
    }
    long table;
    try {
      table = memory.allocatePage();
    } catch (IommuException noMemory) {
      return -noMemory.errno().number();
    }
    if (shape.incoherent) {
      owner.writeBack(table, TableShape.PAGE);
    }
    long link = shape.table(table, level);
    if (memory.compareAndSet(slot, seen, link)) {
      if (shape.incoherent) {
        markWrittenBack(slot, link);
      }
      return table | FRESH;
    }
    memory.freePage(table);
    long other = memory.readAcquire(slot);
    return shape.isTable(other, level) ? shape.address(other) : make(slot, other, level);
  }

  /**
   * Takes a page for a table that will be full of leaves, if none is there yet.
   *
   * @param slot the entry that shall point to it
   * @return its address, to be filled and then {@link #linkFull linked}; 0 if a table has to be
   *     made or found as usual; or an errno, negative
   */
  long pageToFill(long slot) {
    if (shape.incoherent || memory.readAcquire(slot) != PageTableFormat.EMPTY) {
      return 0;
    }
    try {
      return memory.allocateToFill();
    } catch (IommuException noMemory) {
      return -noMemory.errno().number();
    }
  }

  /** Shows the hardware a filled table; false, and it is gone, if another thread was first. */
  boolean linkFull(long slot, long table, int level) {
    boolean linked = memory.compareAndSet(slot, PageTableFormat.EMPTY, shape.table(table, level));
    if (!linked) {
      memory.freePage(table);
    }
    return linked;
  }

  private void markWrittenBack(long slot, long entry) {
    owner.writeBack(slot, Long.BYTES);
    // Whoever comes first marks it; the entry says the same for both.
    memory.compareAndSet(slot, entry, entry | shape.writtenBack);
  }

  /**
   * Removes the empty tables where a leaf shall stand, and invalidates cached walks through them
   * (PTG-012, PTG-013).
   *
   * @return EADDRINUSE if there is a leaf in one of them, or null
   */
  @Mirrors("clear_contig")
  @Nullable Errno replace(long slot, int items, long iova, int level) {
    var gather = new IotlbGather();
    Errno inTheWay = null;
    for (int i = 0; i < items && inTheWay == null; i++) {
      inTheWay =
          replaceOne(
              TableShape.slot(slot, i),
              iova + ((long) i << TableShape.itemLg2(level)),
              level,
              gather);
    }
    if (gather.freedCount() > 0) {
      owner.invalidate(gather);
    }
    return inTheWay;
  }

  private @Nullable Errno replaceOne(long slot, long iova, int level, IotlbGather gather) {
    long entry = memory.readAcquire(slot);
    if (shape.isTable(entry, level)) {
      if (holdsLeaf(shape.address(entry), level - 1)) {
        return Errno.EADDRINUSE;
      }
      clear(slot, 1);
      collect(shape.address(entry), level - 1, gather);
      gather.addRange(iova, 1L << TableShape.itemLg2(level));
    } else if (shape.isPresent(entry)) {
      return Errno.EADDRINUSE;
    } else if (entry != PageTableFormat.EMPTY) {
      clear(slot, 1); // not present, but not zero either
    }
    return null;
  }

  private boolean holdsLeaf(long table, int level) {
    for (int i = 0; i <= shape.lastIndex(level); i++) {
      long entry = memory.readAcquire(TableShape.slot(table, i));
      boolean leads = shape.isTable(entry, level);
      if (leads ? holdsLeaf(shape.address(entry), level - 1) : shape.isPresent(entry)) {
        return true;
      }
    }
    return false;
  }

  /** Puts a table and all below it on a free list, children first. */
  void collect(long table, int level, IotlbGather gather) {
    for (int i = 0; level > 0 && i <= shape.lastIndex(level); i++) {
      long entry = memory.readAcquire(TableShape.slot(table, i));
      if (shape.isTable(entry, level)) {
        collect(shape.address(entry), level - 1, gather);
      }
    }
    gather.free(table);
  }

  /** Empties entries. */
  void clear(long slot, int items) {
    if (items == 1) {
      memory.writeRelease(slot, PageTableFormat.EMPTY);
    } else {
      memory.clear(slot, items);
    }
    if (shape.incoherent) {
      owner.writeBack(slot, (long) items << TableShape.ENTRY_LG2);
    }
  }
}
