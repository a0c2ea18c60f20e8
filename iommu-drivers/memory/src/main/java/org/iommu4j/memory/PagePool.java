package org.iommu4j.memory;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Arrays;
import java.util.BitSet;

/** Keeps account of which of a number of pages are taken. Thread-safe. */
final class PagePool {
  private static final int FIRST_CAPACITY = 16;

  private final int limit;

  @GuardedBy("this")
  private final BitSet taken = new BitSet();

  /** The pages that came back, last in first out. */
  @GuardedBy("this")
  private int[] returned = new int[FIRST_CAPACITY];

  @GuardedBy("this")
  private int returnedCount;

  /** All lower numbers were taken at some time. */
  @GuardedBy("this")
  private int next;

  PagePool(int limit) {
    this.limit = limit;
  }

  int limit() {
    return limit;
  }

  /** A page number from 0 to limit - 1, or -1 if all are taken. */
  synchronized int take() {
    int number;
    if (returnedCount > 0) {
      number = returned[--returnedCount];
    } else if (next < limit) {
      number = next++;
    } else {
      return -1;
    }
    taken.set(number);
    return number;
  }

  /** Gives a page back; false if it was not taken. */
  synchronized boolean give(int number) {
    if (!taken.get(number)) {
      return false;
    }
    taken.clear(number);
    if (returnedCount == returned.length) {
      returned = Arrays.copyOf(returned, returnedCount * 2);
    }
    returned[returnedCount++] = number;
    return true;
  }

  synchronized int used() {
    return next - returnedCount;
  }
}
