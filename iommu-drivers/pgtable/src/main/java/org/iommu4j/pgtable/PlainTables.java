package org.iommu4j.pgtable;

import java.lang.invoke.VarHandle;
import org.iommu4j.spi.PhysicalMemory;

/** Tables in a memory that is asked for every word. */
final class PlainTables extends Tables {
  private static final long NONE = -1;

  private final PhysicalMemory memory;

  PlainTables(TableShape shape, PhysicalMemory memory) {
    super(shape);
    this.memory = memory;
  }

  @Override
  long translate(long top, long iova) {
    long table = root(top);
    int level = level(top);
    while (true) {
      long entry = memory.readAcquire(TableShape.slot(table, shape.index(iova, level)));
      if (!shape.isTable(entry, level)) {
        return shape.isPresent(entry) ? shape.translate(entry, level, iova) : 0;
      }
      table = shape.address(entry);
      level--;
    }
  }

  @Override
  boolean map(long top, long iova, long paddr, int sizeLg2, long attributes) {
    int level = shape.levelOf(sizeLg2);
    long slot = slot(top, iova, level);
    if (slot == NONE) {
      return false;
    }
    int items = 1 << (sizeLg2 - TableShape.itemLg2(level));
    boolean empty =
        items == 1
            ? memory.readAcquire(slot) == PageTableFormat.EMPTY
            : memory.leadingZeroes(slot, items) == items;
    if (empty) {
      put(slot, items, shape.leaf(paddr, sizeLg2, attributes));
    }
    return empty;
  }

  @Override
  boolean unmap(long top, long iova, int sizeLg2) {
    int level = shape.levelOf(sizeLg2);
    long slot = slot(top, iova, level);
    if (slot == NONE) {
      return false;
    }
    long entry = memory.readAcquire(slot);
    boolean found = shape.isLeaf(entry, level) && shape.leafLg2(entry, level) == sizeLg2;
    if (found) {
      put(slot, 1 << (sizeLg2 - TableShape.itemLg2(level)), PageTableFormat.EMPTY);
    }
    return found;
  }

  private void put(long slot, int items, long entry) {
    if (items == 1) {
      memory.writeRelease(slot, entry);
    } else {
      memory.fill(slot, items, entry);
      VarHandle.releaseFence();
    }
  }

  /** Where the entry of an address is in a table of a level. */
  private long slot(long top, long iova, int leafLevel) {
    long table = root(top);
    int level = level(top);
    while (level > leafLevel) {
      long entry = memory.readAcquire(TableShape.slot(table, shape.index(iova, level)));
      if (!shape.isTable(entry, level)) {
        return NONE;
      }
      table = shape.address(entry);
      level--;
    }
    return level < leafLevel ? NONE : TableShape.slot(table, shape.index(iova, leafLevel));
  }
}
