package org.iommu4j.testkit;

import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * AMD I/O Virtualization Technology specification, "I/O Page Tables for Host Translations". An
 * entry names the level it leads to, so levels can be skipped.
 */
record AmdV1Walker(PhysicalMemory memory, long root, int mode, long encryptionBit)
    implements HardwareWalker {
  @Override
  public @Nullable WalkedPage walk(long iova) {
    if (mode < 6 && iova >>> (12 + 9 * mode) != 0) {
      return null;
    }
    long table = root;
    int level = mode;
    boolean read = true;
    boolean write = true;
    while (true) {
      int shift = 3 + 9 * level;
      long index = level == 6 ? iova >>> 57 : iova >>> shift & 0x1ff;
      if ((table & encryptionBit) != encryptionBit) {
        return null; // the words of an encrypted table, read without decryption
      }
      long entry = memory.readAcquire((table ^ encryptionBit) + 8 * index);
      if ((entry & 1) == 0) {
        return null;
      }
      read &= (entry >>> 61 & 1) == 1;
      write &= (entry >>> 62 & 1) == 1;
      int next = (int) (entry >>> 9) & 7;
      long address = entry & 0xf_ffff_ffff_f000L;
      if (next == 0 || next == 7) {
        return page(iova, address, next == 0 ? shift : sizeIn(address), shift, read, write);
      }
      if (next >= level || skippedBits(iova, level, next) != 0) {
        return null;
      }
      table = address;
      level = next;
    }
  }

  /** The first zero from bit 12 upwards says the size: the page is twice that bit. */
  private static int sizeIn(long address) {
    int bit = 12;
    while ((address >>> bit & 1) == 1) {
      bit++;
    }
    return bit + 1;
  }

  private static @Nullable WalkedPage page(
      long iova, long address, int size, int entryShift, boolean read, boolean write) {
    long below = (1L << size) - 1;
    if (size < entryShift
        || size > entryShift + 9
        || (size == entryShift && (address & below) != 0)) {
      return null;
    }
    return new WalkedPage((address & ~below) | (iova & below), 1L << size, read, write);
  }

  private static long skippedBits(long iova, int level, int next) {
    long above = -1L << (12 + 9 * next);
    long upTo = level == 6 ? (1L << 57) - 1 : (1L << (3 + 9 * level)) - 1;
    return iova & above & upTo;
  }
}
