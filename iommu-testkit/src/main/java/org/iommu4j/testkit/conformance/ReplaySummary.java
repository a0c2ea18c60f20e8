package org.iommu4j.testkit.conformance;

/**
 * How a run over many traces went.
 *
 * @param traces how many were tried, malformed ones included
 * @param matches how many agree with their replay
 */
public record ReplaySummary(int traces, int matches) {
  /**
   * Whether this is a success.
   *
   * @return true if there were traces and all of them matched
   */
  public boolean allMatch() {
    return traces > 0 && traces == matches;
  }

  @Override
  public String toString() {
    return "traces: " + traces + ", match: " + matches;
  }
}
