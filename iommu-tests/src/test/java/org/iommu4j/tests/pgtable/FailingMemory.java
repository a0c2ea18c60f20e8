package org.iommu4j.tests.pgtable;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;

/** A memory that once has no page, at a chosen allocation. Confined to one thread. */
final class FailingMemory implements PhysicalMemory {
  private final PhysicalMemory memory;
  private long allocations;
  private long failing = -1;

  FailingMemory(PhysicalMemory memory) {
    this.memory = memory;
  }

  /** How many allocations were asked for, failed ones included. */
  long allocations() {
    return allocations;
  }

  /** Makes an allocation fail: 0 is the next one. */
  void fail(long after) {
    failing = allocations + after;
  }

  @Override
  public long allocatePage() {
    return allocatePages(1);
  }

  @Override
  public long allocatePages(int pages) {
    if (allocations++ == failing) {
      throw new IommuException(Errno.ENOMEM, "no memory, as the test wants it");
    }
    return pages == 1 ? memory.allocatePage() : memory.allocatePages(pages);
  }

  @Override
  public void freePage(long address) {
    memory.freePage(address);
  }

  @Override
  public void freePages(long address, int pages) {
    memory.freePages(address, pages);
  }

  @Override
  public long allocatedPages() {
    return memory.allocatedPages();
  }

  @Override
  public long read(long address) {
    return memory.read(address);
  }

  @Override
  public void write(long address, long value) {
    memory.write(address, value);
  }

  @Override
  public long readAcquire(long address) {
    return memory.readAcquire(address);
  }

  @Override
  public void writeRelease(long address, long value) {
    memory.writeRelease(address, value);
  }

  @Override
  public boolean compareAndSet(long address, long expected, long value) {
    return memory.compareAndSet(address, expected, value);
  }
}
