package org.iommu4j.tests.parity;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.tests.Tables;

/**
 * What is known and decided about the kernel's names, as the tables beside this test say it.
 *
 * <p>A table has one name per line; tabs separate columns, and a line that begins with {@code #} is
 * a comment.
 *
 * @param names every declared name, in the order of the tables
 * @param outOfScope name to reason
 * @param notYet name to the part of the library that will bring it
 * @param extra mirrored names that are no declared interface, and what they are
 */
record ParityTables(
    Map<String, KernelName> names,
    Map<String, String> outOfScope,
    Map<String, String> notYet,
    Map<String, String> extra) {

  /** Reads the tables. */
  static ParityTables read() {
    Map<String, KernelName> names = new LinkedHashMap<>();
    for (String table : List.of("core-api.tsv", "dma-api.tsv")) {
      for (String[] row : Tables.rows("/parity/" + table, 3)) {
        put(names, row[0], new KernelName(row[0], row[1], row[2]), table);
      }
    }
    return new ParityTables(
        names, pairs("out-of-scope.tsv"), pairs("not-yet.tsv"), pairs("extra.tsv"));
  }

  private static Map<String, String> pairs(String table) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String[] row : Tables.rows("/parity/" + table, 2)) {
      put(pairs, row[0], row[1], table);
    }
    return pairs;
  }

  private static <T> void put(Map<String, T> map, String name, T value, String table) {
    if (map.put(name, value) != null) {
      throw new IllegalStateException(table + " names " + name + " a second time");
    }
  }
}
