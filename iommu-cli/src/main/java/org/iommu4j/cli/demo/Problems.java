package org.iommu4j.cli.demo;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;

/** Everything that went wrong in a demo. Thread-safe. */
final class Problems {
  /** Enough to see what it is about. */
  private static final int KEPT = 10;

  @GuardedBy("this")
  private final List<String> first = new ArrayList<>();

  @GuardedBy("this")
  private long count;

  synchronized void add(String problem) {
    count++;
    if (first.size() < KEPT) {
      first.add(problem);
    }
  }

  synchronized long count() {
    return count;
  }

  /** The first ones. */
  synchronized List<String> first() {
    return List.copyOf(first);
  }
}
