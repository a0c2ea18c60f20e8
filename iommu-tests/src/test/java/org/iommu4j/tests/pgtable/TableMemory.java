package org.iommu4j.tests.pgtable;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.iommu4j.memory.FileLayout;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.memory.MappedMemory;
import org.iommu4j.spi.PhysicalMemory;

/** Where tables lie: whatever a page table does, it does in each of these. */
enum TableMemory {
  HEAP {
    @Override
    PhysicalMemory create(long base, long bytes, int pageLimit) {
      return HeapMemory.builder().base(base).size(bytes).pageLimit(pageLimit).build();
    }
  },

  /** The file has no name any more when the test sees it, and goes with its last mapping. */
  MAPPED {
    @Override
    PhysicalMemory create(long base, long bytes, int pageLimit) {
      FileLayout layout = FileLayout.builder().range(base, bytes).pageLimit(pageLimit).build();
      try {
        Path folder = Files.createTempDirectory("iommu4j");
        Path file = folder.resolve("memory");
        MappedMemory memory = MappedMemory.create(file, layout);
        Files.delete(file);
        Files.delete(folder);
        return memory;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  };

  /** A memory full of zeroes. */
  abstract PhysicalMemory create(long base, long bytes, int pageLimit);

  /** Does something that may fail, and if so says with which table and where. */
  void naming(Enum<?> tables, Runnable test) {
    try {
      test.run();
    } catch (AssertionError | RuntimeException failure) {
      throw new AssertionError(tables + " in " + this + ": " + failure.getMessage(), failure);
    }
  }

  /** One of each, for tests that come after one another: what is allocated in it is zeroed. */
  static Map<TableMemory, PhysicalMemory> ofEach(long base, long bytes) {
    Map<TableMemory, PhysicalMemory> memories = new EnumMap<>(TableMemory.class);
    for (TableMemory where : values()) {
      memories.put(where, where.create(base, bytes, Integer.MAX_VALUE));
    }
    return memories;
  }
}
