package org.iommu4j.testkit.conformance;

/** Watches a run over many traces. */
public interface ReplayListener {
  /**
   * A trace was replayed and agrees.
   *
   * @param result the replay
   */
  default void matched(ReplayResult result) {}

  /**
   * A trace was replayed and differs.
   *
   * @param result the replay
   */
  void differs(ReplayResult result);

  /**
   * A trace could not be understood.
   *
   * @param problem which line, and why
   */
  void malformed(ScriptException problem);
}
