package com.example.pocket;

import org.iommu4j.spi.PhysicalMemory;

/**
 * Tables in memory, of 512 entries on each level, with a pointer being the address of a page plus
 * 1. The device table and the page tables of the hardware look alike this far.
 */
final class Tables {
  private static final int INDEX_BITS = 9;
  private static final long POINTER = 1;

  private final PhysicalMemory memory;

  Tables(PhysicalMemory memory) {
    this.memory = memory;
  }

  long make() {
    return memory.allocatePage();
  }

  long get(long slot) {
    return memory.read(slot);
  }

  /** Release order: who sees the entry sees the table it points to. */
  void set(long slot, long entry) {
    memory.writeRelease(slot, entry);
  }

  /** The address of the last-level entry of a key, 0 if there is no table for it. */
  long slot(long root, int levels, long key) {
    long table = root;
    for (int level = levels - 1; level > 0; level--) {
      long pointer = get(entry(table, level, key));
      if (pointer == 0) {
        return 0;
      }
      table = pointer - POINTER;
    }
    return entry(table, 0, key);
  }

  /** As {@link #slot}, making the tables that are missing. */
  long makeSlot(long root, int levels, long key) {
    long table = root;
    for (int level = levels - 1; level > 0; level--) {
      long at = entry(table, level, key);
      if (get(at) == 0) {
        set(at, make() + POINTER);
      }
      table = get(at) - POINTER;
    }
    return entry(table, 0, key);
  }

  private static long entry(long table, int level, long key) {
    return table + (key >>> (level * INDEX_BITS) & ((1 << INDEX_BITS) - 1)) * Long.BYTES;
  }

  /** Frees a table and all below it. */
  void free(long table, int levels) {
    for (long at = table; levels > 1 && at < table + PhysicalMemory.PAGE_SIZE; at += Long.BYTES) {
      if (get(at) != 0) {
        free(get(at) - POINTER, levels - 1);
      }
    }
    memory.freePage(table);
  }
}
