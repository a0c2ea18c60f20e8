package org.iommu4j.testkit;

import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * Arm Architecture Reference Manual, "The AArch64 Virtual Memory System Architecture", without
 * FEAT_LPA2; 64 KiB pages with FEAT_LPA. Hardware sets no access flag, so without it it faults.
 */
record ArmWalker(
    PhysicalMemory memory, long root, int granule, int inputSize, int startLevel, int outputSize)
    implements HardwareWalker {
  /** In place of SL0: stage 1 starts where its width wants it. */
  static final int STAGE_1 = -1;

  private static final int[] PAGE_BITS = {12, 16, 14};
  private static final int[] OUTPUT_BITS = {32, 36, 40, 42, 44, 48, 52};

  @Override
  public @Nullable WalkedPage walk(long iova) {
    int width = 64 - inputSize;
    if (iova >>> width != 0) {
      return null;
    }
    int page = PAGE_BITS[granule];
    int stride = page - 3;
    if (startLevel != STAGE_1 && !consistent(width, page, stride)) {
      return null;
    }
    long table = root;
    int high = width; // the start table takes all the upper bits: several tables side by side
    for (int level = firstLevel(width, page, stride); level <= 3; level++) {
      int low = page + stride * (3 - level);
      long index = iova >>> low & ((1L << (high - low)) - 1);
      long descriptor = memory.readAcquire(table + 8 * index);
      int type = (int) descriptor & 3;
      boolean block = type == 1 && blockAllowed(level);
      if (block || (type == 3 && level == 3)) {
        return page(iova, descriptor, low);
      }
      if (type != 3) {
        return null;
      }
      table = address(descriptor, page);
      high = low;
    }
    return null;
  }

  /**
   * What SL0 may be for an input and a physical address size: the start level must be one the
   * hardware has for that size, and its table is of 2 entries or more, at most 16 side by side, on
   * a multiple of its size.
   */
  private boolean consistent(int width, int page, int stride) {
    int level = firstLevel(width, page, stride);
    int output = OUTPUT_BITS[outputSize];
    boolean missing =
        switch (granule) {
          case 0 -> level < 0 || (level == 0 && output <= 42);
          case 1 -> level <= 0 || (level == 1 && output <= 42);
          default -> level <= 0 || (level == 1 && output <= 40);
        };
    int entries = width - (page + (3 - level) * stride); // log2
    return !missing
        && level <= 3
        && entries >= 1
        && entries <= stride + 4
        && root % (8L << entries) == 0;
  }

  private int firstLevel(int width, int page, int stride) {
    if (startLevel != STAGE_1) {
      return granule == 0 ? 2 - startLevel : 3 - startLevel;
    }
    int level = 3;
    for (int covered = page + stride; covered < width; covered += stride) {
      level--;
    }
    return level;
  }

  private boolean blockAllowed(int level) {
    return level == 2 || (level == 1 && granule != 2);
  }

  private @Nullable WalkedPage page(long iova, long descriptor, int low) {
    long below = (1L << low) - 1;
    long address = address(descriptor, low);
    boolean accessed = (descriptor >>> 10 & 1) == 1;
    boolean stage1 = startLevel == STAGE_1;
    boolean user = (descriptor >>> 6 & 1) == 1;
    if (!accessed || (stage1 && !user)) {
      return null;
    }
    boolean bit7 = (descriptor >>> 7 & 1) == 1;
    return new WalkedPage(
        address | (iova & below), 1L << low, stage1 || user, stage1 ? !bit7 : bit7);
  }

  /** Bits 47 down to the alignment; with 64 KiB pages bits 15 to 12 are the address's 51 to 48. */
  private long address(long descriptor, int alignment) {
    long address = descriptor & 0xffff_ffff_ffffL & -(1L << alignment);
    return granule == 1 ? address | (descriptor >>> 12 & 0xf) << 48 : address;
  }
}
