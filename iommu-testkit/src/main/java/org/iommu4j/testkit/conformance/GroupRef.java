package org.iommu4j.testkit.conformance;

import java.util.regex.Pattern;

/**
 * A group named by an op.
 *
 * @param id its number
 */
record GroupRef(int id) {
  static final Pattern PATTERN = Pattern.compile("g[0-9]+");

  @Override
  public String toString() {
    return "g" + id;
  }
}
