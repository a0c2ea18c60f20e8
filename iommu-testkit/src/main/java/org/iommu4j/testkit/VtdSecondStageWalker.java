package org.iommu4j.testkit;

import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/** VT-d specification, "Second-Stage Translation": levels 5 to 1, permissions are ANDed. */
record VtdSecondStageWalker(PhysicalMemory memory, long root, int levels)
    implements HardwareWalker {
  @Override
  public @Nullable WalkedPage walk(long iova) {
    if (iova >>> (12 + 9 * levels) != 0) {
      return null;
    }
    long table = root;
    boolean read = true;
    boolean write = true;
    for (int level = levels; level >= 1; level--) {
      int shift = 12 + 9 * (level - 1);
      long entry = memory.readAcquire(table + (iova >>> shift & 0x1ff) * 8);
      read &= (entry & 1) != 0;
      write &= (entry & 2) != 0;
      if ((entry & 3) == 0) {
        return null;
      }
      long address = entry & 0xf_ffff_ffff_f000L;
      boolean superPage = (entry & 0x80) != 0;
      if (superPage && level > 3) {
        return null; // reserved in the two upper levels
      }
      if (level == 1 || superPage) {
        long offset = iova & ((1L << shift) - 1);
        return (address & ((1L << shift) - 1)) != 0
            ? null // reserved below a superpage's alignment
            : new WalkedPage(address + offset, 1L << shift, read, write);
      }
      table = address;
    }
    return null;
  }
}
