package org.iommu4j.driver.soft;

import org.iommu4j.api.Errno;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.PageTableConfig;
import org.iommu4j.pgtable.PageTableFeature;
import org.iommu4j.pgtable.PageTableFormat;
import org.jspecify.annotations.Nullable;

/**
 * The words of a page table (HARDWARE.md, section 5).
 *
 * <pre>
 *  input address
 *  47       39 38       30 29       21 20       12 11            0
 *  level 3     level 2     level 1     level 0     offset
 *              1 GiB       2 MiB       4 KiB                            leaf sizes
 *
 *  table entry (LEAF is 0)
 *  63                 48 47                     12 11        4 3  2     1 0
 *  0                     next table [47:12]        0           0  0       PRESENT
 *
 *  leaf entry
 *  63                 48 47                     12 11     5 4      3     2      1     0
 *  0                     page [47:12]              0        DIRTY  LEAF  WRITE  READ  PRESENT
 * </pre>
 *
 * <p>One command invalidates one range, so ranges with gaps are not gathered.
 *
 * @param tracksDirty leave it to the hardware to set DIRTY; otherwise every leaf has it from the
 *     start, and the hardware never writes to tables
 */
record SoftFormat(boolean tracksDirty) implements PageTableFormat {
  private static final long PRESENT = 1L;
  private static final long READ = 1L << 1;
  private static final long WRITE = 1L << 2;
  private static final long LEAF = 1L << 3;
  private static final long DIRTY = 1L << 4;
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;

  private static final int ADDRESS_BITS = 48;
  private static final int TOP = 3;
  private static final PageTableConfig CONFIG =
      PageTableConfig.of(ADDRESS_BITS, ADDRESS_BITS, TOP, PageTableFeature.FLUSH_RANGE_NO_GAPS);

  @Override
  public String name() {
    return "soft";
  }

  @Override
  public PageTableConfig config() {
    return CONFIG;
  }

  @Override
  public int topLevel() {
    return TOP;
  }

  @Override
  public int maxTopLevel() {
    return TOP;
  }

  @Override
  public long leafSizes(int level) {
    return level < TOP ? 1L << itemLg2(level) : 0;
  }

  @Override
  public long presentMask() {
    return PRESENT;
  }

  @Override
  public long tableMask(int level) {
    return PRESENT | LEAF;
  }

  @Override
  public long tableValue(int level) {
    return PRESENT;
  }

  @Override
  public long addressMask() {
    return ADDRESS;
  }

  @Override
  public long table(long address, int level) {
    return address | PRESENT;
  }

  @Override
  public @Nullable Errno refuses(int prot) {
    return null;
  }

  /** There is no bit for anything but read and write. */
  @Override
  public long attributes(int prot) {
    return PRESENT
        | LEAF
        | ((prot & Prot.READ) != 0 ? READ : 0)
        | ((prot & Prot.WRITE) != 0 ? WRITE : 0)
        | (tracksDirty ? 0 : DIRTY);
  }

  @Override
  public long leaf(long address, int level, int sizeLg2, long attributes) {
    return address | attributes;
  }

  @Override
  public long dirtyMask() {
    return DIRTY;
  }
}
