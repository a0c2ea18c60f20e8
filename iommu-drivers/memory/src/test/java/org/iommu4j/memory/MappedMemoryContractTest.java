package org.iommu4j.memory;

import java.io.IOException;
import java.nio.file.Path;
import org.iommu4j.spi.PhysicalMemory;

class MappedMemoryContractTest extends FileMemoryContract {
  @Override
  protected PhysicalMemory open(Path file, FileLayout layout) throws IOException {
    return MappedMemory.open(file, layout);
  }

  @Override
  protected PhysicalMemory make(Path file, FileLayout layout) throws IOException {
    return MappedMemory.create(file, layout);
  }
}
