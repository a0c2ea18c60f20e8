package org.iommu4j.memory;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * Keeps account of which of a number of pages are taken. Thread-safe.
 *
 * <p>Adjacent pages that were taken together come back together and are lent again as such, so
 * there is nothing to merge.
 */
final class PagePool {
  private static final int FIRST_CAPACITY = 16;
  private static final int ORDERS = 17;
  private static final int[] NONE = {};

  private final int limit;

  /** The frame number just above the page with number 0; numbers count downwards from it. */
  private final long top;

  /** The lowest number of every run that is lent, by log2 of its size. */
  @GuardedBy("this")
  private final BitSet[] taken = new BitSet[ORDERS];

  /** The runs that came back, by log2 of their size, last in first out. */
  @GuardedBy("this")
  private final int[][] returned = new int[ORDERS][];

  @GuardedBy("this")
  private final int[] returnedCount = new int[ORDERS];

  /** All lower numbers were taken at some time, or skipped and then returned. */
  @GuardedBy("this")
  private int next;

  @GuardedBy("this")
  private int used;

  PagePool(int limit, long top) {
    this.limit = limit;
    this.top = top;
    Arrays.fill(returned, NONE);
    Arrays.setAll(taken, order -> new BitSet());
  }

  int limit() {
    return limit;
  }

  /** A page number from 0 to limit - 1, or -1 if all are taken. */
  int take() {
    return take(0);
  }

  /** The lowest number of 2^order pages whose frames are aligned to their size, or -1. */
  synchronized int take(int order) {
    int number;
    if (returnedCount[order] > 0) {
      number = returned[order][--returnedCount[order]];
    } else {
      number = fresh(order);
      if (number < 0) {
        return -1;
      }
    }
    taken[order].set(number);
    used += 1 << order;
    return number;
  }

  @GuardedBy("this")
  private int fresh(int order) {
    int pages = 1 << order;
    int skip = (int) ((top - next) & (pages - 1));
    if (pages + skip > limit - next) {
      return -1;
    }
    for (int i = 0; i < skip; i++) {
      push(0, next + i);
    }
    next += skip + pages;
    return next - pages;
  }

  /** Gives a page back; false if it was not taken. */
  boolean give(int number) {
    return give(number, 0);
  }

  /** Gives a run back; false if none of that size that begins there was taken. */
  synchronized boolean give(int number, int order) {
    if (!taken[order].get(number)) {
      return false;
    }
    taken[order].clear(number);
    used -= 1 << order;
    push(order, number);
    return true;
  }

  @GuardedBy("this")
  private void push(int order, int number) {
    if (returnedCount[order] == returned[order].length) {
      returned[order] =
          Arrays.copyOf(returned[order], Math.max(FIRST_CAPACITY, returnedCount[order] * 2));
    }
    returned[order][returnedCount[order]++] = number;
  }

  synchronized int used() {
    return used;
  }

  /** The numbers of all pages that are lent, ascending. */
  synchronized IntStream taken() {
    BitSet pages = new BitSet();
    for (int order = 0; order < ORDERS; order++) {
      int size = 1 << order;
      taken[order].stream().forEach(first -> pages.set(first, first + size));
    }
    return pages.stream();
  }
}
