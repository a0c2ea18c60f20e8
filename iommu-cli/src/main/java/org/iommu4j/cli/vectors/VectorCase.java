package org.iommu4j.cli.vectors;

import java.nio.file.Path;
import java.util.List;

/**
 * A recorded case: a fresh domain and what was done with it.
 *
 * @param file where it stands
 * @param line the number of its first line
 * @param name its name
 * @param setup the configuration
 * @param steps what was done, in order
 */
public record VectorCase(
    Path file, int line, String name, VectorSetup setup, List<VectorStep> steps) {
  /**
   * Copies the list.
   *
   * @param file where it stands
   * @param line the number of its first line
   * @param name its name
   * @param setup the configuration
   * @param steps is copied
   */
  public VectorCase {
    steps = List.copyOf(steps);
  }

  /** The sizes the domain was made with, as far as the case says; 0 if it does not. */
  long recordedPageSizes() {
    return steps.stream()
        .map(VectorStep::op)
        .filter(VectorOp.PageSizes.class::isInstance)
        .mapToLong(op -> ((VectorOp.PageSizes) op).sizes())
        .findFirst()
        .orElse(0);
  }

  boolean recordedAsFailed() {
    return steps.stream().anyMatch(step -> step.op() instanceof VectorOp.InitFailed);
  }
}
