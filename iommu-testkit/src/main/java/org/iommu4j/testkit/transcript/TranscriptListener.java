package org.iommu4j.testkit.transcript;

/** Watches a replay. */
public interface TranscriptListener {
  /** Hears nothing. */
  TranscriptListener NONE = new TranscriptListener() {};

  /**
   * A configuration begins.
   *
   * @param config its name
   * @param description kernel, machine and the persona chosen for it
   */
  default void begins(String config, String description) {}

  /**
   * A record differs.
   *
   * @param mismatch what and where
   */
  default void differs(Mismatch mismatch) {}

  /**
   * A configuration is over.
   *
   * @param summary its own numbers
   */
  default void ends(TranscriptSummary summary) {}

  /**
   * Something is no record, or a machine cannot be rebuilt.
   *
   * @param problem one line
   */
  default void problem(String problem) {}
}
