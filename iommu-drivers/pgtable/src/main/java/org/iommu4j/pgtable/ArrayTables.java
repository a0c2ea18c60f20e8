package org.iommu4j.pgtable;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.iommu4j.spi.PageArrays;
import org.jspecify.annotations.Nullable;

/**
 * Tables in a memory that keeps its pages as arrays.
 *
 * <p>The walk to level 0 is written out for four levels, with their masks in fields: as a loop the
 * same walk takes half as long again. Other walks are a loop.
 */
final class ArrayTables extends Tables {
  private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
  private static final int WORD_MASK = TableShape.WORDS - 1;

  private final PageArrays pages;
  private final boolean wideRoot;
  private final long addressMask;
  private final int numberShift;
  private final long mask3;
  private final long value3;
  private final long mask2;
  private final long value2;
  private final long mask1;
  private final long value1;

  ArrayTables(TableShape shape, PageArrays pages) {
    super(shape);
    this.pages = pages;
    wideRoot = shape.rootPages > 1;
    addressMask = shape.addressMask;
    numberShift = TableShape.PAGE_LG2 - shape.addressShift;
    mask3 = shape.tableMask(3);
    value3 = shape.tableValue(3);
    mask2 = shape.tableMask(2);
    value2 = shape.tableValue(2);
    mask1 = shape.tableMask(1);
    value1 = shape.tableValue(1);
  }

  @Override
  long translate(long top, long iova) {
    long[] leaves = leaves(top, iova);
    return leaves == null
        ? translateHigher(top, iova)
        : shape.translate(get(leaves, word(iova, 0)), 0, iova);
  }

  private long translateHigher(long top, long iova) {
    int level = level(top);
    long[] words = top(top, iova);
    while (words != null) {
      long entry = get(words, word(iova, level));
      if (!shape.isTable(entry, level)) {
        return shape.translate(entry, level, iova);
      }
      words = next(entry);
      level--;
    }
    return 0;
  }

  @Override
  boolean map(long top, long iova, long paddr, int sizeLg2, long attributes) {
    int level = shape.levelOf(sizeLg2);
    long[] words = table(top, iova, level);
    if (words == null) {
      return false;
    }
    int at = word(iova, level);
    int items = 1 << (sizeLg2 - TableShape.itemLg2(level));
    boolean empty =
        get(words, at) == PageTableFormat.EMPTY && (items == 1 || isEmpty(words, at, items));
    if (empty) {
      put(words, at, items, shape.leaf(paddr, sizeLg2, attributes));
    }
    return empty;
  }

  @Override
  boolean unmap(long top, long iova, int sizeLg2) {
    int level = shape.levelOf(sizeLg2);
    long[] words = table(top, iova, level);
    if (words == null) {
      return false;
    }
    int at = word(iova, level);
    long entry = get(words, at);
    boolean found = shape.isLeaf(entry, level) && shape.leafLg2(entry, level) == sizeLg2;
    if (found) {
      put(words, at, 1 << (sizeLg2 - TableShape.itemLg2(level)), PageTableFormat.EMPTY);
    }
    return found;
  }

  private static boolean isEmpty(long[] words, int at, int items) {
    for (int i = at; i < at + items; i++) {
      if (get(words, i) != PageTableFormat.EMPTY) {
        return false;
      }
    }
    return true;
  }

  private static void put(long[] words, int at, int items, long entry) {
    if (items == 1) {
      WORD.setRelease(words, at, entry);
    } else {
      Arrays.fill(words, at, at + items, entry);
      VarHandle.releaseFence();
    }
  }

  /** The page in which the entry of an address is; null if a table on the way is missing. */
  private long @Nullable [] table(long top, long iova, int leafLevel) {
    return leafLevel == 0 ? leaves(top, iova) : tableAt(top, iova, leafLevel);
  }

  private long @Nullable [] tableAt(long top, long iova, int leafLevel) {
    int level = level(top);
    long[] words = level < leafLevel ? null : top(top, iova);
    for (; words != null && level > leafLevel; level--) {
      long entry = get(words, word(iova, level));
      words = shape.isTable(entry, level) ? next(entry) : null;
    }
    return words;
  }

  /** The same for level 0. */
  private long @Nullable [] leaves(long top, long iova) {
    int level = level(top);
    long[] words = level > 3 ? tableAt(top, iova, 3) : top(top, iova);
    if (words != null && level > 2) {
      long entry = get(words, word(iova, 3));
      words = (entry & mask3) == value3 ? next(entry) : null;
    }
    if (words != null && level > 1) {
      long entry = get(words, word(iova, 2));
      words = (entry & mask2) == value2 ? next(entry) : null;
    }
    if (words != null && level > 0) {
      long entry = get(words, word(iova, 1));
      words = (entry & mask1) == value1 ? next(entry) : null;
    }
    return words;
  }

  private long @Nullable [] top(long top, long iova) {
    if (!wideRoot) {
      return pages.peek(top >>> TableShape.PAGE_LG2);
    }
    long slot = TableShape.slot(root(top), shape.index(iova, level(top)));
    return pages.peek(slot >>> TableShape.PAGE_LG2);
  }

  /** The table that an entry points to; null if nobody has ever written there. */
  private long @Nullable [] next(long entry) {
    return pages.peek((entry & addressMask) >>> numberShift);
  }

  private static int word(long iova, int level) {
    return (int) (iova >>> TableShape.itemLg2(level)) & WORD_MASK;
  }

  private static long get(long[] words, int index) {
    return (long) WORD.getAcquire(words, index);
  }
}
