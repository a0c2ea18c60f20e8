package org.iommu4j.testkit.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/**
 * Replays traces of the Linux IOMMU core on this library's core.
 *
 * <p>A trace is its own script: the replay reads its definitions and ops, and prints the whole
 * trace anew from what this library does. Every replay has a core, a driver and an environment of
 * its own. Stateless, so thread-safe.
 */
public final class ConformanceReplay {
  private static final String SUFFIX = ".trace";

  /** Creates a replay. */
  public ConformanceReplay() {}

  /**
   * Replays a file.
   *
   * @param trace the file
   * @return the recorded and the replayed lines
   * @throws IOException if it cannot be read
   * @throws ScriptException if it is malformed; then nothing was run
   */
  public ReplayResult replay(Path trace) throws IOException {
    // The format is ASCII; any other byte shall become a difference, not an exception.
    return replay(trace.toString(), Files.readString(trace, StandardCharsets.ISO_8859_1));
  }

  /**
   * Replays a script.
   *
   * @param script its text, with or without recorded results
   * @return the lines of the script and the replayed lines
   * @throws ScriptException if it is malformed; then nothing was run
   */
  public ReplayResult replay(String script) {
    return replay("script", script);
  }

  /**
   * Replays a named script.
   *
   * @param source its name, for messages
   * @param script its text, with or without recorded results
   * @return the lines of the script and the replayed lines
   * @throws ScriptException if it is malformed; then nothing was run
   */
  public ReplayResult replay(String source, String script) {
    List<String> lines = script.lines().toList();
    Script parsed = Script.parse(source, lines);
    List<String> replayed = Interpreter.run(parsed);
    parsed.requireOp(source);
    return new ReplayResult(source, lines, replayed);
  }

  /**
   * Finds traces.
   *
   * @param paths files, taken as they are, and folders, searched for files named {@code *.trace}
   * @return the files, those of one folder in the order of their paths
   * @throws IOException if a path does not exist or cannot be read
   */
  public List<Path> find(Collection<Path> paths) throws IOException {
    List<Path> found = new ArrayList<>();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        found.addAll(below(path));
      } else if (Files.isReadable(path)) {
        found.add(path);
      } else {
        throw new NoSuchFileException(path.toString(), null, "no such file or folder");
      }
    }
    return found;
  }

  private static List<Path> below(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(path -> path.toString().endsWith(SUFFIX) && Files.isRegularFile(path))
          .sorted()
          .toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /**
   * Replays many traces.
   *
   * @param traces the files
   * @param comparison which lines count
   * @param listener hears about each of them, in order
   * @return how many there were and how many agree
   * @throws IOException if one cannot be read
   */
  public ReplaySummary run(
      Collection<Path> traces, TraceComparison comparison, ReplayListener listener)
      throws IOException {
    int matches = 0;
    for (Path trace : traces) {
      try {
        ReplayResult result = replay(trace);
        if (result.matches(comparison)) {
          matches++;
          listener.matched(result);
        } else {
          listener.differs(result);
        }
      } catch (ScriptException e) {
        listener.malformed(e);
      }
    }
    return new ReplaySummary(traces.size(), matches);
  }
}
