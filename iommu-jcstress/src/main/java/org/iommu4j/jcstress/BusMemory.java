package org.iommu4j.jcstress;

import org.iommu4j.spi.PhysicalMemory;

/**
 * Memory as hardware reads it, over a bus that takes its time: between two steps of a walk another
 * thread can unlink a table, free it and use it for something else.
 */
final class BusMemory implements PhysicalMemory {
  private static final int SPINS = 20;

  private final PhysicalMemory memory;
  private int spins;

  BusMemory(PhysicalMemory memory) {
    this.memory = memory;
  }

  /** Takes its time from now on. */
  void slow() {
    spins = SPINS;
  }

  @Override
  public long readAcquire(long address) {
    for (int i = 0; i < spins; i++) {
      Thread.onSpinWait();
    }
    return memory.readAcquire(address);
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
  public void writeRelease(long address, long value) {
    memory.writeRelease(address, value);
  }

  @Override
  public boolean compareAndSet(long address, long expected, long value) {
    return memory.compareAndSet(address, expected, value);
  }
}
