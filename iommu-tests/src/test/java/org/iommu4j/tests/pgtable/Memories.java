package org.iommu4j.tests.pgtable;

import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.PhysicalMemory;

/** The memories in which tests put tables: made here and nowhere else. */
final class Memories {
  private static final long BASE = 0x7_0000_0000L;
  private static final long SIZE = 1L << 28;

  private Memories() {}

  /** One that is large enough for any test. */
  static PhysicalMemory fresh() {
    return at(BASE);
  }

  /** One that begins at an address: tables get addresses above it. */
  static PhysicalMemory at(long base) {
    return HeapMemory.builder().base(base).size(SIZE).build();
  }
}
