package org.iommu4j.tests.pgtable;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What is mapped, as a plain map from the first address of each leaf. */
final class Leaves {
  final NavigableMap<Long, Leaf> byStart = new TreeMap<>(Long::compareUnsigned);

  record Leaf(long start, long paddr, long size, int prot) {
    long last() {
      return start + size - 1;
    }
  }

  @Nullable Leaf at(long iova) {
    Map.Entry<Long, Leaf> below = byStart.floorEntry(iova);
    boolean inside = below != null && Long.compareUnsigned(iova, below.getValue().last()) <= 0;
    return inside ? below.getValue() : null;
  }

  boolean overlaps(long first, long last) {
    return at(last) != null
        || byStart.subMap(first, true, last, true).size() > 0
        || at(first) != null;
  }

  void add(long start, long paddr, long size, int prot) {
    byStart.put(start, new Leaf(start, paddr, size, prot));
  }

  /** The largest of the sizes that fits, by trying each (PTG-006). */
  static long bestPage(long sizes, long iova, long paddr, long size) {
    for (int lg2 = 62; lg2 >= 12; lg2--) {
      long page = 1L << lg2;
      if ((sizes & page) != 0
          && Long.compareUnsigned(page, size) <= 0
          && iova % page == 0
          && paddr % page == 0) {
        return page;
      }
    }
    return 0;
  }

  /** Maps until something is in the way; the bytes mapped. */
  long map(long sizes, long iova, long paddr, long size, int prot) {
    long done = 0;
    while (done < size) {
      long page = bestPage(sizes, iova + done, paddr + done, size - done);
      if (overlaps(iova + done, iova + done + page - 1)) {
        break;
      }
      add(iova + done, paddr + done, page, prot);
      done += page;
    }
    return done;
  }

  /** Removes whole leaves from an address on until there is none; the bytes removed. */
  long unmap(long iova, long size) {
    long done = 0;
    while (done < size) {
      Leaf leaf = byStart.remove(iova + done);
      if (leaf == null) {
        break;
      }
      done += leaf.size();
    }
    return done;
  }

  long translate(long iova) {
    Leaf leaf = at(iova);
    return leaf == null ? 0 : leaf.paddr() + (iova - leaf.start());
  }
}
