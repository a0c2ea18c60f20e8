package org.iommu4j.testkit.transcript;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.iommu4j.api.Errno;

/** What was compared for one record, and where it differs. */
final class Findings {
  private final List<Mismatch.Difference> differences = new ArrayList<>();

  /** Compares two texts. */
  void check(String what, String expected, String actual) {
    if (!Objects.equals(expected, actual)) {
      differences.add(new Mismatch.Difference(what, expected, actual));
    }
  }

  /** Compares what a system call returned. */
  void checkReturn(long expected, long actual) {
    check("result", describe(expected), describe(actual));
  }

  static String describe(long ret) {
    if (ret >= 0) {
      return Long.toString(ret);
    }
    int number = (int) Math.min(-ret, Integer.MAX_VALUE);
    return Errno.isKnown(number) ? Errno.ofNumber(number).name() : Long.toString(ret);
  }

  /** Something went wrong that no rule provides for. */
  void failed(RuntimeException problem) {
    differences.add(new Mismatch.Difference("replay", "an answer", problem.toString()));
  }

  List<Mismatch.Difference> differences() {
    return List.copyOf(differences);
  }
}
