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
          || (i < leftEnd
              && common[i + 1 - start][j - start] >= common[i - start][j + 1 - start])) {
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
    int change = nextChange(0);
    while (change < edits.size()) {
      int from = Math.max(shownUpTo, change - CONTEXT);
      int to = Math.min(edits.size(), lastNearby(change) + 1 + CONTEXT);
      heading(text, from, change);
      edits.subList(from, to).forEach(edit -> show(text, edit));
      shownUpTo = to;
      change = nextChange(to);
    }
    return text.toString();
  }

  private int nextChange(int from) {
    int i = from;
    while (i < edits.size() && !edits.get(i).changes()) {
      i++;
    }
    return i;
  }

  /** The last change of the hunk that begins with a change: the next one is out of sight. */
  private int lastNearby(int change) {
    int last = change;
    int next = nextChange(last + 1);
    while (next < edits.size() && next <= last + 2 * CONTEXT) {
      last = next;
      next = nextChange(last + 1);
    }
    return last;
  }

  /** Names the op of the first change, unless the hunk shows it. */
  private void heading(StringBuilder text, int from, int change) {
    text.append("@@ line ").append(edits.get(from).line().number());
    int op = change;
    while (op >= 0 && !edits.get(op).line().text().startsWith("> ")) {
      op--;
    }
    if (op >= 0 && op < from) {
      text.append(", in: ").append(edits.get(op).line().text());
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
