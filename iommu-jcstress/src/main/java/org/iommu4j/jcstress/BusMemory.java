package org.iommu4j.jcstress;

import org.iommu4j.spi.PhysicalMemory;

/**
 * Memory as hardware reads it, over a bus that takes its time: between two steps of a walk another
 * thread can unlink a table, free it and use it for something else.
 */
final class BusMemory extends ForwardingMemory {
  private static final int SPINS = 20;

  private int spins;

  BusMemory(PhysicalMemory memory) {
    super(memory);
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
    return super.readAcquire(address);
  }
}
