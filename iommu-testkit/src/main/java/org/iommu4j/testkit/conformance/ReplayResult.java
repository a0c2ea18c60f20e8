package org.iommu4j.testkit.conformance;

import java.util.List;

/**
 * One replay: what was recorded, and what this library did.
 *
 * @param source the trace's file or name
 * @param recorded the lines of the trace
 * @param replayed the lines of the replay
 */
public record ReplayResult(String source, List<String> recorded, List<String> replayed) {
  /**
   * Creates a result.
   *
   * @param source the trace's file or name
   * @param recorded the lines of the trace; copied
   * @param replayed the lines of the replay; copied
   */
  public ReplayResult {
    recorded = List.copyOf(recorded);
    replayed = List.copyOf(replayed);
  }

  /**
   * Whether recording and replay agree.
   *
   * @param comparison which lines count
   * @return true if they do
   */
  public boolean matches(TraceComparison comparison) {
    return comparison.matches(recorded, replayed);
  }

  /**
   * Where recording and replay differ.
   *
   * @param comparison which lines count
   * @return empty if they agree, else a text that begins with the trace's name
   */
  public String diff(TraceComparison comparison) {
    String hunks = comparison.diff(recorded, replayed);
    return hunks.isEmpty()
        ? ""
        : "--- " + source + " (recorded)\n+++ " + source + " (replayed)\n" + hunks;
  }
}
