package org.iommu4j.testkit.conformance;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Compares a recorded trace with a replayed one, line by line.
 *
 * <p>{@link #DEFAULT} leaves out pure queries of the driver (lines that begin with two blanks and a
 * question mark) on both sides, because a core may cache or reorder them; {@link #STRICT} compares
 * everything.
 */
public enum TraceComparison {
  /** Without pure queries. */
  DEFAULT,
  /** With every line. */
  STRICT;

  private static final String QUERY = "  ?";

  /**
   * Whether two traces agree.
   *
   * @param recorded the lines of the one
   * @param replayed the lines of the other
   * @return true if all lines that count are equal, in order
   */
  public boolean matches(List<String> recorded, List<String> replayed) {
    return recorded.stream()
        .filter(this::counts)
        .toList()
        .equals(replayed.stream().filter(this::counts).toList());
  }

  /**
   * Shows where two traces differ: hunks with some lines of context, each introduced by the op it
   * belongs to.
   *
   * @param recorded the lines of the one, marked {@code -}
   * @param replayed the lines of the other, marked {@code +}
   * @return several lines, each with its number in its trace; empty if the traces agree
   */
  public String diff(List<String> recorded, List<String> replayed) {
    return LineDiff.of(numbered(recorded), numbered(replayed));
  }

  private List<LineDiff.Line> numbered(List<String> lines) {
    return IntStream.range(0, lines.size())
        .filter(i -> counts(lines.get(i)))
        .mapToObj(i -> new LineDiff.Line(i + 1, lines.get(i)))
        .toList();
  }

  private boolean counts(String line) {
    return this == STRICT || !line.startsWith(QUERY);
  }
}
