package org.iommu4j.pgtable;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/**
 * How the bits of an input address are dealt out to the levels of an ARM table (PTL-001, PTL-002,
 * PTL-009). Levels are numbered from the top, as ARM does: 3 holds pages.
 *
 * <pre>
 *  4 KiB, 48 bits    47 ... 39  38 ... 30  29 ... 21  20 ... 12  11 ... 0
 *                    level 0    level 1    level 2    level 3    offset
 * </pre>
 */
record LpaeGeometry(
    int inputBits, int outputBits, int granuleLg2, int startLevel, int rootBits, long pageSizes) {
  static final int LAST_LEVEL = 3;

  private static final int LEVELS = 4;
  private static final int ENTRY_LG2 = 3;
  private static final int K4 = 12;
  private static final int K16 = 14;
  private static final int K64 = 16;
  private static final int SMALL_WIDTH = 48;
  private static final int LARGE_WIDTH = 52;
  private static final int MAX_CONCATENATED_LG2 = 4;

  /** Largest first of those up to the CPU's page; the others serve only if there is none. */
  private static final int[] GRANULES = {K4, K16, K64};

  static LpaeGeometry of(LpaeConfig config) {
    LpaeQuirk.check(config);
    int granuleLg2 = granule(config.pageSizes());
    int width = granuleLg2 == K64 ? LARGE_WIDTH : SMALL_WIDTH;
    if (config.inputBits() > LARGE_WIDTH || config.outputBits() > LARGE_WIDTH) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "no ARM tables from %d to %d bits: more than %d",
              config.inputBits(), config.outputBits(), LARGE_WIDTH));
    }
    int input = Math.min(config.inputBits(), width);
    int output = Math.min(config.outputBits(), width);
    int bits = granuleLg2 - ENTRY_LG2;
    int levels = (input - granuleLg2 + bits - 1) / bits;
    if (levels < 1 || levels > LEVELS) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("no ARM tables for %d bits with pages of 0x%x", input, 1L << granuleLg2));
    }
    int start = LEVELS - levels;
    int rootBits = input - granuleLg2 - bits * (levels - 1);
    long sizes = sizes(granuleLg2, output) & config.pageSizes();
    var plain = new LpaeGeometry(input, output, granuleLg2, start, rootBits, sizes);
    boolean concatenated = config.stage() == LpaeStage.STAGE_2 && plain.mustConcatenate();
    return concatenated ? plain.concatenated() : plain;
  }

  /** The CPU's page of 4 KiB if supported, else the smallest that is (PTL-002). */
  private static int granule(long pageSizes) {
    for (int lg2 : GRANULES) {
      if ((pageSizes >>> lg2 & 1) != 0) {
        return lg2;
      }
    }
    throw new IommuException(
        Errno.EINVAL, String.format("page sizes 0x%x have none of 4, 16 and 64 KiB", pageSizes));
  }

  private static long sizes(int granuleLg2, int outputBits) {
    return switch (granuleLg2) {
      case K4 -> 1L << 12 | 1L << 21 | 1L << 30;
      case K16 -> 1L << 14 | 1L << 25;
      default -> 1L << 16 | 1L << 29 | (outputBits > SMALL_WIDTH ? 1L << 42 : 0);
    };
  }

  /** Where the architecture wants several tables side by side instead of one level more. */
  private boolean mustConcatenate() {
    return switch (granuleLg2) {
      case K4 -> startLevel == 0 && (outputBits == 40 || outputBits == 42);
      case K16 ->
          (startLevel == 0 && (outputBits == SMALL_WIDTH || inputBits == SMALL_WIDTH))
              || (startLevel == 1 && outputBits == 40);
      default -> false;
    };
  }

  private LpaeGeometry concatenated() {
    if (rootBits > MAX_CONCATENATED_LG2) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("cannot put 0x%x ARM tables side by side: at most 0x10", 1L << rootBits));
    }
    return new LpaeGeometry(
        inputBits, outputBits, granuleLg2, startLevel + 1, rootBits + bits(), pageSizes);
  }

  /** Index bits of a table that is not the root. */
  int bits() {
    return granuleLg2 - ENTRY_LG2;
  }

  /** log2 of what an entry of a level covers. */
  int itemLg2(int level) {
    return (LEVELS - level) * bits() + ENTRY_LG2;
  }

  int indexBits(int level) {
    return level == startLevel ? rootBits : bits();
  }

  int rootPages() {
    return Math.max(1, 1 << Math.max(0, rootBits + ENTRY_LG2 - K4));
  }

  int tablePages() {
    return 1 << (granuleLg2 - K4);
  }
}
