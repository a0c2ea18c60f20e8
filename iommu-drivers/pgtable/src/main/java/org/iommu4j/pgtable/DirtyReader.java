package org.iommu4j.pgtable;

import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.spi.PhysicalMemory;

/** Reports leaves that hardware wrote through, and cleans them if asked to (PTG-025). */
final class DirtyReader {
  private final TableShape shape;
  private final PhysicalMemory memory;

  DirtyReader(TableShape shape, PhysicalMemory memory) {
    this.shape = shape;
    this.memory = memory;
  }

  void read(long table, int level, long iova, long last, boolean noClear, DirtyBitmap dirty) {
    long item = 1L << TableShape.itemLg2(level);
    int index = shape.index(iova, level);
    long at = iova;
    while (index <= shape.lastIndex(level)) {
      long entry = memory.readAcquire(TableShape.slot(table, index));
      int items = 1;
      if (shape.isTable(entry, level)) {
        long part = earlier(at | (item - 1), last);
        read(shape.address(entry), level - 1, at, part, noClear, dirty);
      } else if (shape.isPresent(entry)) {
        items = 1 << (shape.leafLg2(entry, level) - TableShape.itemLg2(level));
        long part = earlier(at | (items * item - 1), last);
        if (take(TableShape.slot(table, index & -items), items, noClear)) {
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

  private static long earlier(long a, long b) {
    return Long.compareUnsigned(a, b) < 0 ? a : b;
  }

  /** A leaf is dirty if any of its entries is; cleaning cleans all (PTA-007). */
  private boolean take(long slot, int items, boolean noClear) {
    boolean found = false;
    for (int i = 0; i < items; i++) {
      long here = TableShape.slot(slot, i);
      long entry = memory.readAcquire(here);
      if ((entry & shape.dirty) != 0) {
        found = true;
        // Hardware may set other bits, or this one again, at any time.
        while (!noClear && !memory.compareAndSet(here, entry, entry & ~shape.dirty)) {
          entry = memory.readAcquire(here);
        }
      }
    }
    return found;
  }
}
