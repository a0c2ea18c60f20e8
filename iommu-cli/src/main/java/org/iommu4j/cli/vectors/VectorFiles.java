package org.iommu4j.cli.vectors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.PhysicalMemory;

/** Finds and runs vectors. */
public final class VectorFiles {
  /** Where the memory for the tables of a case begins: a byte address. */
  public static final long MEMORY_BASE = BumpMemory.BASE;

  /** The size of that memory in bytes; little of it is used. */
  public static final long MEMORY_SIZE = BumpMemory.SIZE;

  private VectorFiles() {}

  /**
   * The files that paths name: themselves, or all {@code *.txt} in a folder and below.
   *
   * @param paths files and folders
   * @return files, those of a folder by name
   * @throws IOException if a path does not exist or cannot be read
   */
  public static List<Path> find(List<Path> paths) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        try (Stream<Path> tree = Files.walk(path)) {
          tree.filter(file -> Files.isRegularFile(file) && file.toString().endsWith(".txt"))
              .sorted()
              .forEach(files::add);
        }
      } else if (Files.exists(path)) {
        files.add(path);
      } else {
        throw new NoSuchFileException(path.toString());
      }
    }
    return files;
  }

  /**
   * Runs the cases of a file, with tables on the heap.
   *
   * @param file text in the grammar of vectors
   * @return one result per case
   * @throws IOException if it cannot be read
   * @throws VectorException if it is not in that grammar
   */
  public static List<VectorResult> run(Path file) throws IOException, VectorException {
    return run(file, () -> HeapMemory.builder().base(MEMORY_BASE).size(MEMORY_SIZE).build());
  }

  /**
   * Runs the cases of a file.
   *
   * @param file text in the grammar of vectors
   * @param memories asked once per case, for words that are all zero, from {@link #MEMORY_BASE} on
   * @return one result per case
   * @throws IOException if it cannot be read
   * @throws VectorException if it is not in that grammar
   */
  public static List<VectorResult> run(Path file, Supplier<? extends PhysicalMemory> memories)
      throws IOException, VectorException {
    List<VectorCase> cases = VectorParser.read(file);
    for (VectorCase one : cases) {
      if (!VectorReplay.knows(one.setup().format())) {
        throw new VectorException(
            file, one.line() + 1, "there are no tables of format " + one.setup().format());
      }
    }
    return cases.stream().map(one -> VectorReplay.run(one, memories.get())).toList();
  }

  /**
   * Writes what this library did in cases: another vector file.
   *
   * @param results at least one
   * @param file where to; what is there stays, and the cases are added to it
   * @throws IOException if it cannot be written
   */
  public static void append(List<VectorResult> results, Path file) throws IOException {
    String text = results.stream().map(VectorWriter::text).collect(Collectors.joining());
    Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }
}
