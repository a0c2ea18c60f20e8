package org.iommu4j.pgtable;

import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.PhysicalMemory;

/**
 * Unmaps what is more than one leaf: goes down where the range goes, clears leaves in runs, and
 * unlinks the tables that the range covers (PTG-017 to PTG-019).
 */
final class LeafUnmapper {
  private final TableShape shape;
  private final PhysicalMemory memory;
  private final TableLinks links;

  LeafUnmapper(TableShape shape, PhysicalMemory memory, TableLinks links) {
    this.shape = shape;
    this.memory = memory;
    this.links = links;
  }

  /**
   * Removes leaves up to the first hole.
   *
   * @return bytes removed; more than asked for if the last leaf reaches beyond the end
   */
  long unmap(long table, int level, long iova, long size, IotlbGather gather) {
    return level == 0
        ? unmapLeaves(table, iova, size, gather)
        : unmapItems(table, level, iova, size, gather);
  }

  /** In a table of level 0 all that is there is leaves: they are counted and cleared in runs. */
  private long unmapLeaves(long table, long iova, long size, IotlbGather gather) {
    int index = shape.index(iova, 0);
    long slot = TableShape.slot(table, index);
    long first = memory.readAcquire(slot);
    if (!shape.isPresent(first) || (iova & TableShape.below(shape.leafLg2(first, 0))) != 0) {
      return 0;
    }
    long wanted = ((size - 1) >>> TableShape.PAGE_LG2) + 1;
    int room = shape.lastIndex(0) + 1 - index;
    int count = 1;
    if (wanted != 1) {
      int most = Long.compareUnsigned(wanted, room) < 0 ? (int) wanted : room;
      count = present(slot, most, first);
    }
    if (shape.hasWide) {
      long end = count == 1 ? first : memory.read(TableShape.slot(slot, count - 1));
      count = toEndOfLeaf(end, index, count);
    }
    links.clear(slot, count);
    if (shape.detailed) {
      gather.addLevels(1, 0);
    }
    return (long) count << TableShape.PAGE_LG2;
  }

  /** Counts leaves from a first one on; most have the bit it has, and one bit is tested faster. */
  private int present(long slot, int most, long first) {
    int count = memory.leadingMarked(slot, most, Long.lowestOneBit(first & shape.presentMask));
    return count == most
        ? count
        : count
            + memory.leadingMarked(TableShape.slot(slot, count), most - count, shape.presentMask);
  }

  /** A leaf that is cut by the end of the range goes whole (PTG-018). */
  private int toEndOfLeaf(long lastLeaf, int index, int count) {
    int items = 1 << (shape.leafLg2(lastLeaf, 0) - TableShape.PAGE_LG2);
    return Math.max(count, ((index + count - 1) & -items) + items - index);
  }

  private long unmapItems(long table, int level, long iova, long size, IotlbGather gather) {
    long item = 1L << TableShape.itemLg2(level);
    long done = 0;
    int index = shape.index(iova, level);
    while (Long.compareUnsigned(done, size) < 0 && index <= shape.lastIndex(level)) {
      long at = iova + done;
      long slot = TableShape.slot(table, index);
      long entry = memory.readAcquire(slot);
      if (shape.isTable(entry, level)) {
        long inItem = item - (at & (item - 1));
        long part = Long.compareUnsigned(size - done, inItem) < 0 ? size - done : inItem;
        long removed = unmap(shape.address(entry), level - 1, at, part, gather);
        done += removed;
        if (Long.compareUnsigned(removed, part) < 0) {
          return done;
        }
        if (part == item) {
          unlink(slot, entry, level, gather);
        }
        index++;
      } else {
        int items = unmapLeaf(slot, entry, level, at, gather);
        if (items == 0) {
          return done;
        }
        done += items * item;
        index += items;
      }
    }
    return done;
  }

  /** How many entries a leaf had that began at the address; 0 if there is none. */
  private int unmapLeaf(long slot, long entry, int level, long at, IotlbGather gather) {
    if (!shape.isPresent(entry)) {
      return 0;
    }
    int leafLg2 = shape.leafLg2(entry, level);
    if ((at & TableShape.below(leafLg2)) != 0) {
      return 0;
    }
    int items = 1 << (leafLg2 - TableShape.itemLg2(level));
    links.clear(slot, items);
    if (shape.detailed) {
      gather.addLevels(1 << level, 0);
    }
    return items;
  }

  /** The range covers the table and nothing is left in it: this caller alone knows it (PTG-019). */
  private void unlink(long slot, long entry, int level, IotlbGather gather) {
    links.clear(slot, 1);
    gather.free(shape.address(entry));
    if (shape.detailed) {
      gather.addLevels(0, 1 << level);
    }
  }
}
