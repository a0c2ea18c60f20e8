package org.iommu4j.tests;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tables beside the tests: one row per line, tabs between columns, {@code #} begins a comment. */
public final class Tables {
  private Tables() {}

  /**
   * Reads a table.
   *
   * @param resource absolute name
   * @param columns how many each row must have
   * @return the rows in their order
   * @throws IllegalStateException if the table is missing or a row is too long or too short
   */
  public static List<String[]> rows(String resource, int columns) {
    List<String[]> rows = new ArrayList<>();
    for (String line : text(resource).lines().toList()) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      String[] row = line.split("\t", -1);
      if (row.length != columns) {
        throw new IllegalStateException(
            resource + " has a line of " + row.length + " columns, not " + columns + ": " + line);
      }
      rows.add(row);
    }
    return rows;
  }

  private static String text(String resource) {
    try (@Nullable InputStream in = Tables.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(resource + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
