package org.iommu4j.memory.segment;

import java.io.IOException;
import java.nio.file.Path;
import org.iommu4j.memory.FileLayout;
import org.iommu4j.memory.FileMemoryContract;
import org.iommu4j.spi.PhysicalMemory;

class SegmentMemoryContractTest extends FileMemoryContract {
  @Override
  protected PhysicalMemory open(Path file, FileLayout layout) throws IOException {
    return SegmentMemory.open(file, layout);
  }

  @Override
  protected PhysicalMemory make(Path file, FileLayout layout) throws IOException {
    return SegmentMemory.create(file, layout);
  }
}
