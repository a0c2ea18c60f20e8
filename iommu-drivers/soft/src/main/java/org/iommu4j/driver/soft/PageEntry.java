package org.iommu4j.driver.soft;

import org.iommu4j.api.Prot;

/**
 * The words of a page table (HARDWARE.md, section 5), and what the driver keeps in their free bits.
 *
 * <pre>
 *  table entry (LEAF is 0)
 *  63   62 61        52 51   48 47                     12 11        4 3  2     1 0
 *  free    live         0       next table [47:12]        free        0  free    PRESENT
 *
 *  leaf entry
 *  63   62 61        52 51   48 47                     12 11     5 4      3     2      1     0
 *  free    free         0       page [47:12]              free     DIRTY  LEAF  WRITE  READ  PRESENT
 * </pre>
 *
 * <p><i>live</i> is the driver's own: how many entries of the next table are not 0, so that an
 * emptied table is found without reading it. 1 to 512 in every linked table.
 */
final class PageEntry {
  static final long EMPTY = 0;
  static final long PRESENT = 1;
  static final long READ = 1 << 1;
  static final long WRITE = 1 << 2;
  static final long LEAF = 1 << 3;
  static final long DIRTY = 1 << 4;

  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;
  private static final int LIVE_SHIFT = 52;
  private static final long LIVE = 0x3ffL << LIVE_SHIFT;

  private PageEntry() {}

  static long table(long address, int live) {
    return (long) live << LIVE_SHIFT | address | PRESENT;
  }

  /** The bits of a leaf besides its address; there is no bit for anything but read and write. */
  static long leafBits(int prot, boolean tracksDirty) {
    long bits = PRESENT | LEAF;
    if ((prot & Prot.READ) != 0) {
      bits |= READ;
    }
    if ((prot & Prot.WRITE) != 0) {
      bits |= WRITE;
    }
    return tracksDirty ? bits : bits | DIRTY;
  }

  static boolean isTable(long entry) {
    return (entry & (PRESENT | LEAF)) == PRESENT;
  }

  static boolean isLeaf(long entry) {
    return (entry & LEAF) != 0;
  }

  static long address(long entry) {
    return entry & ADDRESS;
  }

  static int live(long entry) {
    return (int) ((entry & LIVE) >>> LIVE_SHIFT);
  }

  static long withLive(long entry, int live) {
    return (entry & ~LIVE) | (long) live << LIVE_SHIFT;
  }
}
