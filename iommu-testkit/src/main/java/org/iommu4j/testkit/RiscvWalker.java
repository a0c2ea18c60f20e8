package org.iommu4j.testkit;

import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * RISC-V Privileged Architecture, "Virtual Address Translation Process", with Svnapot and Svpbmt,
 * for user-mode accesses; the hardware sets no A or D, so without them it faults.
 */
record RiscvWalker(PhysicalMemory memory, long root, int levels) implements HardwareWalker {
  private static final String FLAGS = "VRWXUGAD";

  @Override
  public @Nullable WalkedPage walk(long iova) {
    int bits = 12 + 9 * levels;
    if (iova != iova << (64 - bits) >> (64 - bits)) {
      return null;
    }
    long a = root;
    for (int i = levels - 1; i >= 0; i--) {
      long vpn = iova >>> (12 + 9 * i) & 0x1ff;
      long pte = memory.readAcquire(a + vpn * 8);
      if (!has(pte, 'V') || (!has(pte, 'R') && has(pte, 'W')) || (pte >>> 54 & 0x7f) != 0) {
        return null;
      }
      long ppn = pte >>> 10 & ((1L << 44) - 1);
      if (has(pte, 'R') || has(pte, 'X')) {
        return leaf(iova, pte, ppn, i);
      }
      if (has(pte, 'A') || has(pte, 'D') || has(pte, 'U') || pte >>> 61 != 0) {
        return null; // reserved in a pointer
      }
      a = ppn << 12;
    }
    return null;
  }

  private static @Nullable WalkedPage leaf(long iova, long pte, long ppn, int i) {
    boolean napot = pte >>> 63 == 1;
    if (!has(pte, 'A') || !has(pte, 'U') || (pte >>> 61 & 3) == 3) {
      return null;
    }
    if (napot && (i != 0 || (ppn & 0xf) != 8)) {
      return null; // only 64 KiB is defined
    }
    int size = napot ? 16 : 12 + 9 * i;
    long base = (napot ? ppn & ~0xfL : ppn) << 12;
    long below = (1L << size) - 1;
    if ((base & below) != 0) {
      return null; // a misaligned superpage
    }
    boolean write = has(pte, 'W') && has(pte, 'D');
    return new WalkedPage(base | (iova & below), 1L << size, has(pte, 'R'), write);
  }

  private static boolean has(long pte, char flag) {
    return (pte >>> FLAGS.indexOf(flag) & 1) != 0;
  }
}
