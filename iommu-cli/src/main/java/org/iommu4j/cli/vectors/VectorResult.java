package org.iommu4j.cli.vectors;

import java.util.ArrayList;
import java.util.List;

/**
 * What came of a case.
 *
 * @param recorded the case
 * @param replayed the same steps with the lines of this library; only one if the configuration was
 *     refused
 */
public record VectorResult(VectorCase recorded, List<VectorStep> replayed) {
  /**
   * Copies the list.
   *
   * @param recorded the case
   * @param replayed is copied
   */
  public VectorResult {
    replayed = List.copyOf(replayed);
  }

  /**
   * Whether every line is the same.
   *
   * @return true if so
   */
  public boolean matches() {
    return recorded.steps().equals(replayed);
  }

  /**
   * The lines that are not the same: recorded ones after a minus, those of this library after a
   * plus.
   *
   * @return several lines, the first of which names the case
   */
  public String diff() {
    var text = new StringBuilder();
    text.append(recorded.file()).append(':').append(recorded.line());
    text.append(": case ").append(recorded.name()).append(" differs");
    if (recorded.recordedAsFailed() && lines(replayed, 0).isEmpty()) {
      text.append("\n  + (the configuration is accepted)");
    }
    int steps = Math.max(recorded.steps().size(), replayed.size());
    for (int i = 0; i < steps; i++) {
      List<String> theirs = lines(recorded.steps(), i);
      List<String> ours = lines(replayed, i);
      if (!theirs.equals(ours)) {
        without(theirs, ours).forEach(line -> text.append("\n  - ").append(line));
        without(ours, theirs).forEach(line -> text.append("\n  + ").append(line));
        if (without(ours, theirs).isEmpty() && without(theirs, ours).isEmpty()) {
          text.append("\n  the same words, in another order: ").append(theirs.get(0));
        }
      }
    }
    return text.toString();
  }

  private static List<String> lines(List<VectorStep> steps, int index) {
    return index < steps.size() ? steps.get(index).recorded() : List.of();
  }

  private static List<String> without(List<String> lines, List<String> others) {
    List<String> rest = new ArrayList<>(lines);
    others.forEach(rest::remove);
    return rest;
  }
}
