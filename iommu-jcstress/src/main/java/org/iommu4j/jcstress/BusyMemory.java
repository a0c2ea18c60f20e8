package org.iommu4j.jcstress;

import java.util.function.LongUnaryOperator;
import org.iommu4j.spi.PhysicalMemory;

/**
 * Memory in which somebody else is always waiting: a page that is freed is full of other entries at
 * once. So a walk that is still in it goes astray, and so does one that comes to a new table before
 * that was cleared.
 */
final class BusyMemory extends ForwardingMemory {
  private static final int WORDS = PAGE_SIZE / Long.BYTES;

  private final LongUnaryOperator otherEntry;

  /**
   * Wraps a memory.
   *
   * @param otherEntry makes the entry that a freed page is full of, from its address
   */
  BusyMemory(PhysicalMemory memory, LongUnaryOperator otherEntry) {
    super(memory);
    this.otherEntry = otherEntry;
  }

  @Override
  public void freePage(long address) {
    fill(address, WORDS, otherEntry.applyAsLong(address));
    super.freePage(address);
  }

  @Override
  public void freePages(long address, int pages) {
    for (int i = 0; i < pages; i++) {
      long page = address + (long) i * PAGE_SIZE;
      fill(page, WORDS, otherEntry.applyAsLong(page));
    }
    super.freePages(address, pages);
  }
}
