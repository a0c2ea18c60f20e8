package org.iommu4j.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.iommu4j.memory.FileLayout;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.memory.MappedMemory;
import org.iommu4j.spi.PhysicalMemory;

/** Memories for tables, by name. */
final class TableMemories {
  private static final long BYTES = 64L << 20;

  private TableMemories() {}

  static PhysicalMemory of(String name) {
    return switch (name) {
      case "heap" -> HeapMemory.ofSize(BYTES);
      case "mapped" -> mapped();
      default -> throw new IllegalArgumentException(name);
    };
  }

  /** The file goes with its last mapping. */
  private static PhysicalMemory mapped() {
    try {
      Path folder = Files.createTempDirectory("iommu4j-bench");
      Path file = folder.resolve("memory");
      MappedMemory memory = MappedMemory.create(file, FileLayout.builder().range(0, BYTES).build());
      Files.delete(file);
      Files.delete(folder);
      return memory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
