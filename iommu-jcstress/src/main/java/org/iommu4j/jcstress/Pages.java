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

  private Pages() {}

  /** Where every race maps an address to. */
  static long targetOf(long iova) {
    return TARGET + iova;
  }

  /**
   * The memory of one sample; the only place that says which kind. All its pages were used before.
   *
   * @param otherEntry makes an entry that leads somewhere else, from the address of its page
   */
  static PhysicalMemory memory(LongUnaryOperator otherEntry) {
    PhysicalMemory memory = new BusyMemory(HeapMemory.ofSize(1L << 18), otherEntry);
    long[] pages = new long[USED_BEFORE];
    for (int i = 0; i < USED_BEFORE; i++) {
      pages[i] = memory.allocatePage();
    }
    for (long page : pages) {
      memory.freePage(page);
    }
    return memory;
  }
}
