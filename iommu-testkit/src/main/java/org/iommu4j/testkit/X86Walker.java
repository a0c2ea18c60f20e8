package org.iommu4j.testkit;

import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/** Intel SDM volume 3, "4-Level Paging and 5-Level Paging", for user-mode accesses. */
record X86Walker(PhysicalMemory memory, long root, int levels, long encryptionBit)
    implements HardwareWalker {
  private static final int PRESENT = 0;
  private static final int WRITABLE = 1;
  private static final int USER = 2;
  private static final int PAGE_SIZE = 7;

  @Override
  public @Nullable WalkedPage walk(long iova) {
    int sign = 11 + 9 * levels;
    if (iova >> sign != 0 && iova >> sign != -1) {
      return null; // not canonical
    }
    long table = root;
    boolean write = true;
    int shift = 12 + 9 * levels;
    do {
      shift -= 9;
      if ((table & encryptionBit) != encryptionBit) {
        return null; // the words of an encrypted table, read without decryption
      }
      long entry = memory.readAcquire((table ^ encryptionBit) + (iova >>> shift & 0x1ff) * 8);
      if (!bit(entry, PRESENT) || !bit(entry, USER)) {
        return null;
      }
      write &= bit(entry, WRITABLE);
      table = entry & 0xf_ffff_ffff_f000L;
      boolean large = shift > 12 && bit(entry, PAGE_SIZE);
      if (large && shift > 30) {
        return null; // reserved: PML4E and PML5E map no page
      }
      if (large || shift == 12) {
        long below = (1L << shift) - 1;
        return (table & below) != 0
            ? null
            : new WalkedPage(table | (iova & below), 1L << shift, true, write);
      }
    } while (true);
  }

  private static boolean bit(long entry, int number) {
    return (entry >>> number & 1) != 0;
  }
}
