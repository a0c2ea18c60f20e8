package org.iommu4j.testkit.transcript;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How a replay went.
 *
 * @param configurations how many were replayed
 * @param records all their records
 * @param stateRecords those that change or read the state of an IOMMU
 * @param compared those that were compared
 * @param match those that agree
 * @param notCompared how many records of each operation were not compared
 */
public record TranscriptSummary(
    int configurations,
    int records,
    int stateRecords,
    int compared,
    int match,
    SortedMap<String, Integer> notCompared) {
  /** How much of what changes or reads state must be compared. */
  private static final double ENOUGH = 0.95;

  /** Nothing was replayed. */
  public static final TranscriptSummary NOTHING =
      new TranscriptSummary(0, 0, 0, 0, 0, Collections.emptySortedMap());

  /**
   * Copies the table.
   *
   * @param configurations how many were replayed
   * @param records all their records
   * @param stateRecords those that change or read state
   * @param compared those that were compared
   * @param match those that agree
   * @param notCompared by operation
   */
  public TranscriptSummary {
    notCompared = Collections.unmodifiableSortedMap(new TreeMap<>(notCompared));
  }

  /**
   * Both together.
   *
   * @param other another summary
   * @return the sums
   */
  public TranscriptSummary plus(TranscriptSummary other) {
    SortedMap<String, Integer> both = new TreeMap<>(notCompared);
    for (Map.Entry<String, Integer> entry : other.notCompared.entrySet()) {
      both.merge(entry.getKey(), entry.getValue(), Integer::sum);
    }
    return new TranscriptSummary(
        configurations + other.configurations,
        records + other.records,
        stateRecords + other.stateRecords,
        compared + other.compared,
        match + other.match,
        both);
  }

  /**
   * Whether this is a success.
   *
   * @return true if there was something to replay, enough of it was compared, and all of that
   *     agrees
   */
  public boolean succeeded() {
    return configurations > 0
        && compared > 0
        && compared == match
        && compared >= ENOUGH * stateRecords;
  }

  @Override
  public String toString() {
    return "configurations: "
        + configurations
        + ", records: "
        + records
        + ", compared: "
        + compared
        + ", match: "
        + match;
  }
}
