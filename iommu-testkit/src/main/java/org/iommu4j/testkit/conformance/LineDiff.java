package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.List;

/** A readable difference of two lists of lines, by their longest common subsequence. */
final class LineDiff {
  private static final int CONTEXT = 3;

  /** Beyond this many cells of the table, lines are compared by position only. */
  private static final long LARGEST_TABLE = 16_000_000;

  /**
   * A line and its number.
   *
   * @param number from 1
   * @param text the line
   */
  record Line(int number, String text) {}

  private record Edit(char mark, Line line) {
    boolean changes() {
      return mark != ' ';
    }
  }

  private final List<Line> left;
  private final List<Line> right;
  private final List<Edit> edits = new ArrayList<>();

  private LineDiff(List<Line> left, List<Line> right) {
    this.left = left;
    this.right = right;
  }

  static String of(List<Line> left, List<Line> right) {
    var diff = new LineDiff(left, right);
    diff.compare();
    return diff.render();
  }

  private void compare() {
    int start = 0;
    int leftEnd = left.size();
    int rightEnd = right.size();
    while (start < leftEnd && start < rightEnd && same(start, start)) {
      start++;
    }
    while (leftEnd > start && rightEnd > start && same(leftEnd - 1, rightEnd - 1)) {
      leftEnd--;
      rightEnd--;
    }
    keep(0, start);
    if ((long) (leftEnd - start) * (rightEnd - start) > LARGEST_TABLE) {
      add('-', left.subList(start, leftEnd));
      add('+', right.subList(start, rightEnd));
    } else {
      align(start, leftEnd, rightEnd);
    }
    keep(leftEnd, left.size());
  }

  private void align(int start, int leftEnd, int rightEnd) {
    int[][] common = commonLengths(start, leftEnd, rightEnd);
    int i = start;
    int j = start;
    while (i < leftEnd || j < rightEnd) {
      if (i < leftEnd && j < rightEnd && same(i, j)) {
        edits.add(new Edit(' ', left.get(i)));
        i++;
        j++;
      } else if (j == rightEnd
          || (i < leftEnd && common[i + 1 - start][j - start] >= common[i - start][j + 1 - start])) {
        edits.add(new Edit('-', left.get(i++)));
      } else {
        edits.add(new Edit('+', right.get(j++)));
      }
    }
  }

  /** Length of the longest common subsequence of what is left, for each pair of positions. */
  private int[][] commonLengths(int start, int leftEnd, int rightEnd) {
    int[][] common = new int[leftEnd - start + 1][rightEnd - start + 1];
    for (int i = leftEnd - 1; i >= start; i--) {
      for (int j = rightEnd - 1; j >= start; j--) {
        common[i - start][j - start] =
            same(i, j)
                ? common[i + 1 - start][j + 1 - start] + 1
                : Math.max(common[i + 1 - start][j - start], common[i - start][j + 1 - start]);
      }
    }
    return common;
  }

  private boolean same(int i, int j) {
    return left.get(i).text().equals(right.get(j).text());
  }

  private void keep(int from, int to) {
    add(' ', left.subList(from, to));
  }

  private void add(char mark, List<Line> lines) {
    lines.forEach(line -> edits.add(new Edit(mark, line)));
  }

  private String render() {
    StringBuilder text = new StringBuilder();
    int shownUpTo = 0;
    for (int i = 0; i < edits.size(); i++) {
      if (!edits.get(i).changes()) {
        continue;
      }
      int from = Math.max(shownUpTo, i - CONTEXT);
      if (from > shownUpTo || i == 0 || text.isEmpty()) {
        heading(text, from);
      }
      int last = i;
      for (int next = i; next < edits.size() && next <= last + 2 * CONTEXT; next++) {
        last = edits.get(next).changes() ? next : last;
      }
      int to = Math.min(edits.size(), last + 1 + CONTEXT);
      edits.subList(from, to).forEach(edit -> show(text, edit));
      shownUpTo = to;
      i = to - 1;
    }
    return text.toString();
  }

  /** The op that the hunk begins in, unless the hunk shows it. */
  private void heading(StringBuilder text, int from) {
    text.append("@@ line ").append(edits.get(from).line().number());
    for (int i = from - 1; i >= 0; i--) {
      if (edits.get(i).line().text().startsWith("> ")) {
        text.append(", in: ").append(edits.get(i).line().text());
        break;
      }
    }
    text.append(" @@\n");
  }

  private static void show(StringBuilder text, Edit edit) {
    text.append(edit.mark())
        .append(String.format("%5d  ", edit.line().number()))
        .append(edit.line().text())
        .append('\n');
  }
}
