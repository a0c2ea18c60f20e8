package org.iommu4j.cli.groups;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.iommu4j.topology.LspciText;
import org.iommu4j.topology.MachineFile;

/**
 * Where a machine's description is read from.
 *
 * @param name a path, or a dash for standard input
 */
record Source(String name) {
  private static final String STANDARD_INPUT = "-";

  /** The files that the words of a command line name, in their order; folders are searched. */
  static List<Source> find(List<String> words) throws IOException {
    List<Source> sources = new ArrayList<>();
    for (String word : words) {
      if (word.equals(STANDARD_INPUT)) {
        sources.add(new Source(word));
        continue;
      }
      Path path = path(word);
      if (Files.isDirectory(path)) {
        searched(path).forEach(file -> sources.add(new Source(file.toString())));
      } else {
        sources.add(new Source(word));
      }
    }
    if (sources.isEmpty()) {
      throw new TopologyException(null, "there are no *.json and *.txt files in " + words);
    }
    return sources;
  }

  private static Path path(String word) {
    try {
      return Path.of(word);
    } catch (InvalidPathException e) {
      throw new TopologyException(null, "'" + word + "' is not a path");
    }
  }

  private static List<Path> searched(Path folder) throws IOException {
    List<Path> found = new ArrayList<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        // Notices and the like lie beside machines.
        if (name.endsWith(".json") || (name.endsWith(".txt") && LspciText.isListing(file))) {
          found.add(file);
        }
      }
    }
    return found;
  }

  PciTopology read() throws IOException {
    if (name.equals(STANDARD_INPUT)) {
      return MachineFile.read(System.in, "standard input");
    }
    try {
      return MachineFile.read(path(name));
    } catch (NoSuchFileException e) {
      throw new IOException(name + ": there is no such file", e);
    } catch (AccessDeniedException e) {
      throw new IOException(name + ": permission denied", e);
    } catch (MalformedInputException e) {
      throw new IOException(name + ": not a text", e);
    }
  }
}
