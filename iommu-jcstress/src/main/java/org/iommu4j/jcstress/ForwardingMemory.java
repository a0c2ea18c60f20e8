package org.iommu4j.jcstress;

import org.iommu4j.spi.PhysicalMemory;

/** A memory that passes every call on to another one. */
abstract class ForwardingMemory implements PhysicalMemory {
  private final PhysicalMemory memory;

  ForwardingMemory(PhysicalMemory memory) {
    this.memory = memory;
  }

  @Override
  public long allocatePage() {
    return memory.allocatePage();
  }

  @Override
  public void freePage(long address) {
    memory.freePage(address);
  }

  @Override
  public long allocatePages(int pages) {
    return memory.allocatePages(pages);
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

  @Override
  public void fill(long address, int count, long value) {
    memory.fill(address, count, value);
  }

  @Override
  public void fillRising(long address, int count, long first, int shift) {
    memory.fillRising(address, count, first, shift);
  }

  @Override
  public void clear(long address, int count) {
    memory.clear(address, count);
  }

  @Override
  public int leadingZeroes(long address, int count) {
    return memory.leadingZeroes(address, count);
  }

  @Override
  public int leadingMarked(long address, int count, long mask) {
    return memory.leadingMarked(address, count, mask);
  }
}
