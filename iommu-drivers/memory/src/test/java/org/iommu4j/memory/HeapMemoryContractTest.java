package org.iommu4j.memory;

import org.iommu4j.spi.PhysicalMemory;

class HeapMemoryContractTest extends PhysicalMemoryContract {
  @Override
  protected PhysicalMemory create(long base, long bytes, long pageLimit) {
    return HeapMemory.builder().base(base).size(bytes).pageLimit(pageLimit).build();
  }
}
