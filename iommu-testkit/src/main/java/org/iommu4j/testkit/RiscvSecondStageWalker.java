package org.iommu4j.testkit;

import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * RISC-V Privileged Architecture, "Guest Physical Address Translation": Sv39x4, Sv48x4 and Sv57x4.
 * The root has four pages, the address is not sign-extended, and every access counts as user's.
 * With Svnapot and Svpbmt; the hardware sets no A or D, so without them it faults.
 */
record RiscvSecondStageWalker(PhysicalMemory memory, long root, int levels)
    implements HardwareWalker {
  private static final int ROOT_BYTES = 4 * 4096;

  @Override
  public @Nullable WalkedPage walk(long iova) {
    if (iova >>> (14 + 9 * levels) != 0 || root % ROOT_BYTES != 0) {
      return null; // bits above the guest physical address; root[1:0] of the PPN are not 0
    }
    long table = root;
    long index = iova >>> (3 + 9 * levels); // 11 bits, and all that is above is 0
    int shift = 3 + 9 * levels;
    while (true) {
      long pte = memory.readAcquire(table + (index << 3));
      long reserved = pte << 3 >>> 57; // bits 60 to 54
      if ((pte & 0b1) == 0 || (pte & 0b110) == 0b100 || reserved != 0) {
        return null;
      }
      if ((pte & 0b1010) != 0) {
        return page(iova, pte, shift);
      }
      if (shift == 12 || (pte & 0b1101_0000) != 0 || pte >>> 61 != 0) {
        return null; // a pointer at the last level, or with D, A, U, PBMT or N
      }
      table = number(pte) << 12;
      shift -= 9;
      index = iova >>> shift & 0x1ff;
    }
  }

  private static long number(long pte) {
    return pte << 10 >>> 20;
  }

  private static @Nullable WalkedPage page(long iova, long pte, int shift) {
    boolean user = (pte >>> 4 & 1) == 1;
    boolean accessed = (pte >>> 6 & 1) == 1;
    boolean dirty = (pte >>> 7 & 1) == 1;
    boolean reservedType = (pte >>> 61 & 0b11) == 0b11;
    if (!user || !accessed || reservedType) {
      return null;
    }
    long frames = 1L << (shift - 12);
    long number = number(pte);
    if (pte < 0) { // N
      if (shift != 12 || (number & 0b1111) != 0b1000) {
        return null;
      }
      frames = 16;
      number -= 0b1000;
    }
    if (number % frames != 0) {
      return null; // a misaligned superpage
    }
    long offset = iova & (frames * 4096 - 1);
    return new WalkedPage(
        number * 4096 + offset, frames * 4096, (pte & 0b10) != 0, (pte & 0b100) != 0 && dirty);
  }
}
