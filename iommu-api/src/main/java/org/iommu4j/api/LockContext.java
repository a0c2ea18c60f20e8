package org.iommu4j.api;

/**
 * Which locks of one core the asking thread holds.
 *
 * @param probe the probe lock
 * @param group some group's lock
 * @param device some device's lock
 */
public record LockContext(boolean probe, boolean group, boolean device) {
  @Override
  public String toString() {
    String held = (probe ? "P" : "") + (group ? "G" : "");
    return held.isEmpty() ? "-" : held;
  }
}
