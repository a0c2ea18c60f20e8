package org.iommu4j.testkit.transcript;

import java.util.List;

/**
 * A record that this library answers differently.
 *
 * @param config the configuration
 * @param scenario the scenario
 * @param step the step within it
 * @param operation the operation with its arguments
 * @param differences what differs, at least one
 */
public record Mismatch(
    String config, String scenario, int step, String operation, List<Difference> differences) {
  /**
   * Copies the differences.
   *
   * @param config the configuration
   * @param scenario the scenario
   * @param step the step within it
   * @param operation the operation with its arguments
   * @param differences what differs
   */
  public Mismatch {
    differences = List.copyOf(differences);
  }

  /**
   * One thing that differs.
   *
   * @param what for example {@code result} or {@code group 17 type}
   * @param expected what the kernel showed
   * @param actual what this library shows
   */
  public record Difference(String what, String expected, String actual) {}

  @Override
  public String toString() {
    StringBuilder text =
        new StringBuilder(config + " " + scenario + " step " + step + ": " + operation);
    for (Difference difference : differences) {
      text.append(System.lineSeparator())
          .append("    ")
          .append(difference.what())
          .append(": expected ")
          .append(difference.expected())
          .append(", actual ")
          .append(difference.actual());
    }
    return text.toString();
  }
}
