package org.iommu4j.pgtable;

import org.iommu4j.api.Errno;
import org.iommu4j.api.Prot;
import org.jspecify.annotations.Nullable;

/**
 * A format as numbers: what {@link PageTableFormat} answers, asked once and kept in fields and
 * arrays. Immutable.
 *
 * <p>The code that maps, unmaps and translates is the same for all formats. If it asked the format
 * for every entry, the JIT compiler could not know which format that is as soon as a program uses
 * three of them, and each question would cost as much as a level of the walk. Numbers cost a load.
 */
final class TableShape {
  static final int PAGE_LG2 = 12;
  static final long PAGE = 1L << PAGE_LG2;
  static final int ENTRY_LG2 = 3;
  static final int INDEX_BITS = PAGE_LG2 - ENTRY_LG2;

  /** A page of a table has so many words; only a top table may have several pages. */
  static final int WORDS = 1 << INDEX_BITS;

  private static final int MAX_LEVELS = 8;
  private static final int ADDRESS_BITS = 64;
  private static final int PROTS = Prot.PRIV << 1;

  final int inputBits;

  /** The bits that no output address has. */
  final long beyondOutput;

  /**
   * Addresses without one of these bits are in range whatever the top; others may be (PTG-023,
   * PTG-024).
   */
  final long perhapsOutside;

  final int firstTop;
  final int maxTop;
  final int rootPages;
  final boolean dynamicTop;
  final boolean signExtend;
  final boolean incoherent;
  final boolean noGaps;
  final boolean detailed;

  final long presentMask;
  final long addressMask;
  final int addressShift;
  final long writtenBack;
  final long dirty;

  private final PageTableFormat format;
  private final int[] indexMask = new int[MAX_LEVELS];
  private final long[] tableMask = new long[MAX_LEVELS];
  private final long[] tableValue = new long[MAX_LEVELS];
  private final long[] leafSizes = new long[MAX_LEVELS];

  /** What a leaf has besides address and attributes, by log2 of its size. */
  private final long[] leafBits = new long[ADDRESS_BITS];

  private final byte[] levelOf = new byte[ADDRESS_BITS + 1];
  private final long[] attributes = new long[PROTS];
  private final long[] simpleAttributes = new long[PROTS];
  private final @Nullable Errno[] refusals = new @Nullable Errno[PROTS];

  /** Bits that every leaf larger than its entry has; an entry without one of them is none. */
  private final long wideMask;

  /** Whether there are leaves larger than their entry. */
  final boolean hasWide;

  TableShape(PageTableFormat format) {
    this.format = format;
    PageTableConfig config = format.config();
    inputBits = config.inputBits();
    beyondOutput = ~below(config.outputBits());
    firstTop = format.topLevel();
    maxTop = format.maxTopLevel();
    rootPages = 1 << Math.max(0, format.indexBits(firstTop) - INDEX_BITS);
    dynamicTop = config.has(PageTableFeature.DYNAMIC_TOP);
    signExtend = config.has(PageTableFeature.SIGN_EXTEND);
    incoherent = config.has(PageTableFeature.DMA_INCOHERENT);
    noGaps = config.has(PageTableFeature.FLUSH_RANGE_NO_GAPS);
    detailed = config.has(PageTableFeature.DETAILED_GATHER);
    perhapsOutside = ~below(surelyInside(format));
    presentMask = format.presentMask();
    addressMask = format.addressMask();
    addressShift = format.addressShift();
    writtenBack = format.writtenBackMask();
    dirty = format.dirtyMask();
    long wide = -1L;
    boolean someWide = false;
    for (int level = 0; level <= maxTop; level++) {
      readLevel(level);
      for (long left = leafSizes[level]; left != 0; left &= left - 1) {
        int sizeLg2 = Long.numberOfTrailingZeros(left);
        leafBits[sizeLg2] = format.leaf(0, level, sizeLg2, 0);
        if (sizeLg2 != itemLg2(level)) {
          someWide = true;
          wide &= leafBits[sizeLg2] & ~addressMask;
        }
      }
    }
    hasWide = someWide;
    wideMask = wide;
    for (int sizeLg2 = 0; sizeLg2 <= ADDRESS_BITS; sizeLg2++) {
      levelOf[sizeLg2] = (byte) Math.min(maxTop, Math.max(0, (sizeLg2 - PAGE_LG2) / INDEX_BITS));
    }
    for (int prot = 0; prot < PROTS; prot++) {
      refusals[prot] = format.refuses(prot);
      attributes[prot] = refusals[prot] == null ? format.attributes(prot) : 0;
      simpleAttributes[prot] = incoherent || (prot & Prot.RW) == 0 ? 0 : attributes[prot];
    }
  }

  private int surelyInside(PageTableFormat format) {
    int width = signExtend ? inputBits - 1 : inputBits;
    int top = itemLg2(firstTop) + format.indexBits(firstTop);
    return dynamicTop ? Math.min(width, top) : width;
  }

  private void readLevel(int level) {
    if (format.itemLg2(level) != itemLg2(level)) {
      throw new IllegalArgumentException(
          String.format(
              "an entry of level %d of %s tables covers 2^%d bytes: not a page of 4 KiB per table",
              level, format.name(), format.itemLg2(level)));
    }
    indexMask[level] = (1 << format.indexBits(level)) - 1;
    tableMask[level] = level == 0 ? 0 : format.tableMask(level);
    tableValue[level] = level == 0 ? 1 : format.tableValue(level); // 0 & 0 is never 1
    leafSizes[level] = format.leafSizes(level);
  }

  static long below(int bits) {
    return bits >= ADDRESS_BITS ? -1L : (1L << bits) - 1;
  }

  static int itemLg2(int level) {
    return PAGE_LG2 + INDEX_BITS * level;
  }

  /** All leaf sizes of the levels in use, within what both widths allow (PTG-008). */
  long possibleSizes() {
    int highest = dynamicTop ? maxTop : firstTop;
    long sizes = 0;
    for (int level = 0; level <= highest; level++) {
      sizes |= leafSizes[level];
    }
    return sizes & below(inputBits - 1) & ~beyondOutput;
  }

  /** The level a leaf of a size stands in. */
  int levelOf(int sizeLg2) {
    return levelOf[sizeLg2];
  }

  /** How many bits of an address a top table of a level translates. */
  int reach(int level) {
    return itemLg2(level) + Integer.bitCount(indexMask[level]);
  }

  /** The lowest level whose top table reaches an address; {@link #maxTop} + 1 if none does. */
  int levelReaching(long last) {
    int level = 0;
    while (level <= maxTop && (last & ~below(reach(level))) != 0) {
      level++;
    }
    return level;
  }

  int index(long iova, int level) {
    return (int) (iova >>> itemLg2(level)) & indexMask[level];
  }

  int lastIndex(int level) {
    return indexMask[level];
  }

  static long slot(long table, int index) {
    return table + ((long) index << ENTRY_LG2);
  }

  long tableMask(int level) {
    return tableMask[level];
  }

  long tableValue(int level) {
    return tableValue[level];
  }

  boolean isTable(long entry, int level) {
    return (entry & tableMask[level]) == tableValue[level];
  }

  boolean isPresent(long entry) {
    return (entry & presentMask) != 0;
  }

  boolean isLeaf(long entry, int level) {
    return isPresent(entry) && !isTable(entry, level);
  }

  /** The address in an entry. */
  long address(long entry) {
    return (entry & addressMask) << addressShift;
  }

  long table(long address, int level) {
    return format.table(address, level);
  }

  @Nullable Errno refuses(int prot) {
    return refusals[prot & (PROTS - 1)];
  }

  long attributes(int prot) {
    return attributes[prot & (PROTS - 1)];
  }

  /** The same for a leaf that is mapped with a store alone; 0 if there must be more. */
  long simpleAttributes(int prot) {
    return simpleAttributes[prot & (PROTS - 1)];
  }

  long leaf(long address, int sizeLg2, long attributes) {
    return address >>> addressShift | leafBits[sizeLg2] | attributes;
  }

  /** How large a leaf is: nearly always as its entry. */
  int leafLg2(long leaf, int level) {
    return hasWide && (leaf & wideMask) == wideMask ? format.leafLg2(leaf, level) : itemLg2(level);
  }

  /** What an entry that is no table translates an address to; 0 if it is empty. */
  long translate(long leaf, int level, long iova) {
    if ((leaf & presentMask) == 0) {
      return 0;
    }
    long offset = (1L << leafLg2(leaf, level)) - 1;
    return (address(leaf) & ~offset) | (iova & offset);
  }
}
