package org.iommu4j.jcstress;

import java.util.function.LongUnaryOperator;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.PhysicalMemory;

/** Addresses and memory that all races use. */
final class Pages {
  static final long K4 = 0x1000;
  static final long M2 = 0x20_0000;

  /** Aligned to every page size, and far from where tables lie. */
  private static final long TARGET = 1L << 40;

  private static final int USED_BEFORE = 10;
  private static final int WORDS = PhysicalMemory.PAGE_SIZE / Long.BYTES;

  private Pages() {}

  /** Where every race maps an address to. */
  static long targetOf(long iova) {
    return TARGET + iova;
  }

  /**
   * The memory of one sample; the only place that says which kind. Its free pages are full of old
   * entries that lead somewhere, so that a table that is seen before it was cleared is noticed.
   *
   * @param oldEntry makes such an entry for the page at an address
   */
  static PhysicalMemory memory(LongUnaryOperator oldEntry) {
    PhysicalMemory memory = HeapMemory.ofSize(1L << 18);
    long[] pages = new long[USED_BEFORE];
    for (int i = 0; i < USED_BEFORE; i++) {
      pages[i] = memory.allocatePage();
      memory.fill(pages[i], WORDS, oldEntry.applyAsLong(pages[i]));
    }
    for (long page : pages) {
      memory.freePage(page);
    }
    return memory;
  }

  /** Somebody else gets the pages that were freed last, and fills them. */
  static void reuse(PhysicalMemory memory, int pages, LongUnaryOperator entry) {
    for (int i = 0; i < pages; i++) {
      long page = memory.allocatePage();
      memory.fill(page, WORDS, entry.applyAsLong(page));
    }
  }
}
