package org.iommu4j.cli.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Rows with aligned columns: numbers to the right, everything else to the left. */
final class Table {
  private static final String GAP = "  ";

  private final List<String> header;
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... header) {
    this.header = List.of(header);
  }

  /** Adds a row; numbers get their separators. */
  void row(Object... cells) {
    List<String> row = new ArrayList<>();
    for (Object cell : cells) {
      row.add(cell instanceof Number number ? Screen.number(number.longValue()) : cell.toString());
    }
    rows.add(row);
  }

  void show(Screen screen) {
    List<List<String>> all = new ArrayList<>(List.of(header));
    all.addAll(rows);
    int[] widths = new int[header.size()];
    for (List<String> row : all) {
      for (int column = 0; column < widths.length; column++) {
        widths[column] = Math.max(widths[column], row.get(column).length());
      }
    }
    screen.line(Style.DIM, format(header, widths).stripTrailing());
    rows.forEach(row -> screen.line(Style.PLAIN, format(row, widths)));
  }

  private String format(List<String> row, int[] widths) {
    List<String> cells = new ArrayList<>();
    for (int column = 0; column < widths.length; column++) {
      String cell = row.get(column);
      String padding = String.join("", Collections.nCopies(widths[column] - cell.length(), " "));
      cells.add(isNumeric(column) ? padding + cell : cell + padding);
    }
    return String.join(GAP, cells);
  }

  private boolean isNumeric(int column) {
    return !rows.isEmpty()
        && rows.stream().allMatch(row -> row.get(column).matches("[0-9][0-9,]*|-"));
  }
}
