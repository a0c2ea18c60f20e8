package org.iommu4j.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.iommu4j.cli.vectors.VectorException;
import org.iommu4j.cli.vectors.VectorFiles;
import org.iommu4j.cli.vectors.VectorResult;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code iommuctl vectors}: builds page tables as recorded cases did and compares every word.
 *
 * <p>With {@code --export} it also writes what this library did, as vector files of the same names.
 *
 * <p>Ends with 0 if there were cases and all of them match, 1 if not, 2 if a path cannot be read or
 * is no vector file.
 */
@Command(
    name = "vectors",
    description = {
      "Builds page tables as recorded cases of Linux did and compares every word.",
      "Ends with 0 if all match, 1 if not (or if there are none), 2 if a path cannot be read."
    },
    mixinStandardHelpOptions = true)
final class VectorsCommand implements Callable<Integer> {
  private static final int MATCH = 0;
  private static final int MISMATCH = 1;
  private static final int UNREADABLE = 2;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "1..*",
      paramLabel = "PATH",
      description = "Vector files, and folders to search for *.txt.")
  private List<Path> paths = List.of();

  @Option(
      names = "--export",
      paramLabel = "FOLDER",
      description = {
        "Also write what this library does in each case, as vector files of the same names.",
        "The folder is made if it is not there; files in it are replaced."
      })
  private @Nullable Path export;

  private final Set<Path> exported = new HashSet<>();
  private int cases;
  private int matching;
  private boolean unreadable;

  VectorsCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try {
      if (export != null) {
        Files.createDirectories(export);
      }
      for (Path file : VectorFiles.find(paths)) {
        run(file, out);
      }
    } catch (IOException e) {
      complain(e);
    }
    out.println("cases: " + cases + ", match: " + matching);
    out.flush();
    if (unreadable) {
      return UNREADABLE;
    }
    return cases > 0 && matching == cases ? MATCH : MISMATCH;
  }

  private void run(Path file, PrintWriter out) {
    try {
      List<VectorResult> results = VectorFiles.run(file);
      if (export != null) {
        write(results, export.resolve(file.getFileName()));
      }
      for (VectorResult result : results) {
        cases++;
        if (result.matches()) {
          matching++;
        } else {
          out.println(result.diff());
        }
      }
    } catch (VectorException e) {
      say(e.getMessage());
    } catch (IOException e) {
      complain(e);
    }
  }

  /** The first file of a name replaces what was there; others from other folders are added. */
  private void write(List<VectorResult> results, Path file) throws IOException {
    if (exported.add(file)) {
      Files.deleteIfExists(file);
    }
    VectorFiles.append(results, file);
  }

  private void complain(IOException e) {
    boolean missing = e instanceof NoSuchFileException;
    say(missing ? "cannot read: there is no " + e.getMessage() : "cannot read or write: " + e);
  }

  private void say(@Nullable String problem) {
    unreadable = true;
    PrintWriter err = spec.commandLine().getErr();
    err.println("iommuctl vectors: " + problem);
    err.flush();
  }
}
