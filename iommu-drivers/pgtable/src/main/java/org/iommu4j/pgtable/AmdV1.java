package org.iommu4j.pgtable;

import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.Prot;
import org.jspecify.annotations.Nullable;

/**
 * Host tables of AMD, version 1 (AMD I/O Virtualization Technology Specification, "I/O Page Tables
 * for Host Translations"; PTA-001 to PTA-008).
 *
 * <pre>
 *  63  62     61    60              59 ... 52  51 ... 12  11 ... 9    8 7  6      5 ... 1  0
 *  0   write  read  force coherent  0          address    next level  0    dirty  0        present
 * </pre>
 *
 * <p>The next level is that of the table's entries plus one; 0 marks a leaf of the level's own
 * size, 7 a leaf whose size stands in its address: the lowest bit from 12 upwards that is 0 is half
 * the size.
 *
 * <pre>
 *   64 KiB at 0x80010000    address bits 16 ... 12:  1 0 1 1 1
 *                                          size / 2 ---^
 * </pre>
 *
 * <p>On a machine with memory encryption one of the upper address bits, often 47 or 51, says that
 * what lies there is encrypted (AMD64 Architecture Programmer's Manual volume 2, "Secure Memory
 * Encryption"; PTA-008).
 */
@Mirrors({"pt_iommu_amdv1", "pt_iommu_amdv1_cfg"})
public final class AmdV1 implements PageTableFormat {
  private static final String NAME = "amdv1";

  private static final long PRESENT = 1L;
  private static final long DIRTY = 1L << 6;
  private static final int NEXT_LEVEL_SHIFT = 9;
  private static final long NEXT_LEVEL = 7L << NEXT_LEVEL_SHIFT;
  private static final long SIZE_IN_ADDRESS = NEXT_LEVEL;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;
  private static final long FORCE_COHERENT = 1L << 60;
  private static final long READ = 1L << 61;
  private static final long WRITE = 1L << 62;

  private static final int PAGE_LG2 = 12;
  private static final int MAX_INPUT_BITS = 64;
  private static final int MAX_OUTPUT_BITS = 52;
  private static final int MAX_TOP = 5;
  private static final int TOP_INDEX_BITS = 7;
  private static final int LARGEST_LG2 = 51;

  /** Hardware does not get leaves of 512 GiB right (PTA-006). */
  private static final int BROKEN_LG2 = 39;

  private static final Set<PageTableFeature> KNOWN =
      Set.of(
          PageTableFeature.FULL_VA,
          PageTableFeature.DYNAMIC_TOP,
          PageTableFeature.FLUSH_RANGE,
          PageTableFeature.FLUSH_RANGE_NO_GAPS,
          PageTableFeature.ENCRYPT_TABLES,
          PageTableFeature.FORCE_COHERENCE);

  private final PageTableConfig config;
  private final long encrypted;
  private final long coherent;

  private AmdV1(PageTableConfig config, long encrypted) {
    this.config = config;
    this.encrypted = encrypted;
    this.coherent = config.has(PageTableFeature.FORCE_COHERENCE) ? FORCE_COHERENT : 0;
  }

  /**
   * Makes the format for a machine without memory encryption.
   *
   * @param config widths, first top level 0 to 5, features
   * @return the format
   * @throws org.iommu4j.api.IommuException EINVAL for widths or a top level, EOPNOTSUPP for
   *     features it does not have
   */
  public static AmdV1 of(PageTableConfig config) {
    return of(config, 0);
  }

  /**
   * Makes the format for a machine that encrypts its memory. With {@link
   * PageTableFeature#ENCRYPT_TABLES} all entries carry the bit that marks encrypted memory, except
   * leaves for {@link Prot#MMIO} (PTA-008); translations come without it. A driver sets it in the
   * root pointer.
   *
   * @param config widths, first top level 0 to 5, features
   * @param encryptionMask the bit of physical addresses (CPUID 0x8000001F tells which), above all
   *     output addresses; 0 if there is none
   * @return the format
   * @throws org.iommu4j.api.IommuException EINVAL for widths, a top level or an encryption mask,
   *     EOPNOTSUPP for features it does not have
   */
  public static AmdV1 of(PageTableConfig config, long encryptionMask) {
    FormatChecks.widthsAndFeatures(NAME, config, MAX_INPUT_BITS, MAX_OUTPUT_BITS, KNOWN);
    FormatChecks.topLevel(NAME, config.topLevel(), 0, MAX_TOP, Errno.EINVAL);
    long encrypted = FormatChecks.encrypted(NAME, config, encryptionMask, ADDRESS);
    var format = new AmdV1(FormatChecks.inForce(config), encrypted);
    FormatChecks.complete(format);
    return format;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public PageTableConfig config() {
    return config;
  }

  @Override
  public int topLevel() {
    return config.topLevel();
  }

  @Override
  public int maxTopLevel() {
    return MAX_TOP;
  }

  @Override
  public int indexBits(int level) {
    return level == MAX_TOP ? TOP_INDEX_BITS : PageTableFormat.super.indexBits(level);
  }

  /** From the level's own size up to half a table; level 5 has none (PTA-003, PTA-006). */
  @Override
  public long leafSizes(int level) {
    if (level == MAX_TOP) {
      return 0;
    }
    int largest = Math.min(itemLg2(level) + indexBits(level) - 1, LARGEST_LG2);
    long upTo = (1L << (largest + 1)) - 1;
    return upTo & -(1L << itemLg2(level)) & ~(1L << BROKEN_LG2);
  }

  @Override
  public long presentMask() {
    return PRESENT;
  }

  @Override
  public long tableMask(int level) {
    return PRESENT | NEXT_LEVEL;
  }

  @Override
  public long tableValue(int level) {
    return PRESENT | (long) level << NEXT_LEVEL_SHIFT;
  }

  @Override
  public long addressMask() {
    return ADDRESS & ~encrypted;
  }

  /** Hardware ANDs permissions along the walk: tables have them all (PTA-008). */
  @Override
  public long table(long address, int level) {
    return address | tableValue(level) | READ | WRITE | encrypted;
  }

  @Override
  public @Nullable Errno refuses(int prot) {
    return null;
  }

  @Override
  public long attributes(int prot) {
    return PRESENT
        | ((prot & Prot.READ) != 0 ? READ : 0)
        | ((prot & Prot.WRITE) != 0 ? WRITE : 0)
        | ((prot & Prot.MMIO) == 0 ? encrypted : 0)
        | coherent;
  }

  @Override
  public long leaf(long address, int level, int sizeLg2, long attributes) {
    if (sizeLg2 == itemLg2(level)) {
      return address | attributes;
    }
    long ones = (1L << (sizeLg2 - 1)) - (1L << PAGE_LG2);
    return address | ones | SIZE_IN_ADDRESS | attributes;
  }

  @Override
  public int leafLg2(long leaf, int level) {
    if ((leaf & NEXT_LEVEL) != SIZE_IN_ADDRESS) {
      return itemLg2(level);
    }
    long address = (leaf & addressMask()) | ((1L << PAGE_LG2) - 1);
    return Long.numberOfTrailingZeros(~address) + 1;
  }

  @Override
  public long dirtyMask() {
    return DIRTY;
  }
}
