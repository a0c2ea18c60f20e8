package org.iommu4j.pgtable;

import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.Prot;
import org.jspecify.annotations.Nullable;

/**
 * The tables of x86-64 processors (Intel SDM volume 3, "4-Level Paging and 5-Level Paging"), which
 * are the first stage of VT-d and version 2 of AMD (PTX-001 to PTX-006). VT-d translates
 * sign-extended addresses of 48 or 57 bits, AMD the lower half, 47 or 56 bits.
 *
 * <pre>
 *  63  62 ... 52  51 ... 12  11 10  9   8   7     6      5         4 3  2     1      0
 *  XD  sw         address    sw     sw      leaf  dirty  accessed       user  write  present
 *                                   |       levels 1, 2
 *                                   written back (tables)
 * </pre>
 *
 * <p>On a machine with memory encryption one of the upper address bits, often 47 or 51, says that
 * what lies there is encrypted (AMD64 Architecture Programmer's Manual volume 2, "Secure Memory
 * Encryption"; PTX-006).
 */
@Mirrors({"pt_iommu_x86_64", "pt_iommu_x86_64_cfg"})
public final class X86FirstStage implements PageTableFormat {
  private static final String NAME = "x86_64";

  private static final long PRESENT = 1L;
  private static final long WRITE = 1L << 1;
  private static final long USER = 1L << 2;
  private static final long ACCESSED = 1L << 5;
  private static final long DIRTY = 1L << 6;
  private static final long LEAF = 1L << 7;
  private static final long WRITTEN_BACK = 1L << 9;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  private static final int MAX_INPUT_BITS = 57;
  private static final int MAX_OUTPUT_BITS = 52;
  private static final int MIN_TOP = 3;
  private static final int MAX_TOP = 4;
  private static final int LAST_LEAF_LEVEL = 2;

  private static final Set<PageTableFeature> KNOWN =
      Set.of(
          PageTableFeature.DMA_INCOHERENT,
          PageTableFeature.SIGN_EXTEND,
          PageTableFeature.FLUSH_RANGE,
          PageTableFeature.FLUSH_RANGE_NO_GAPS,
          PageTableFeature.ENCRYPT_TABLES);

  private final PageTableConfig config;
  private final long encrypted;

  private X86FirstStage(PageTableConfig config, long encrypted) {
    this.config = config;
    this.encrypted = encrypted;
  }

  /**
   * Makes the format for a machine without memory encryption.
   *
   * @param config widths, top level 3 or 4, features
   * @return the format
   * @throws org.iommu4j.api.IommuException EINVAL for widths, EOPNOTSUPP for features or a top
   *     level it does not have
   */
  public static X86FirstStage of(PageTableConfig config) {
    return of(config, 0);
  }

  /**
   * Makes the format for a machine of AMD that encrypts its memory. With {@link
   * PageTableFeature#ENCRYPT_TABLES} all entries carry the bit that marks encrypted memory, except
   * leaves for {@link Prot#MMIO}; translations come without it (PTX-006). A driver sets it in the
   * root pointer.
   *
   * @param config widths, top level 3 or 4, features
   * @param encryptionMask the bit of physical addresses (CPUID 0x8000001F tells which), above all
   *     output addresses; 0 if there is none
   * @return the format
   * @throws org.iommu4j.api.IommuException EINVAL for widths or an encryption mask, EOPNOTSUPP for
   *     features or a top level it does not have
   */
  public static X86FirstStage of(PageTableConfig config, long encryptionMask) {
    FormatChecks.widthsAndFeatures(NAME, config, MAX_INPUT_BITS, MAX_OUTPUT_BITS, KNOWN);
    FormatChecks.topLevel(NAME, config.topLevel(), MIN_TOP, MAX_TOP, Errno.EOPNOTSUPP);
    long encrypted = FormatChecks.encrypted(NAME, config, encryptionMask, ADDRESS);
    var format = new X86FirstStage(FormatChecks.inForce(config), encrypted);
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
  public long leafSizes(int level) {
    return level <= LAST_LEAF_LEVEL ? 1L << itemLg2(level) : 0;
  }

  @Override
  public long presentMask() {
    return PRESENT;
  }

  @Override
  public long tableMask(int level) {
    return level <= LAST_LEAF_LEVEL ? PRESENT | LEAF : PRESENT;
  }

  @Override
  public long tableValue(int level) {
    return PRESENT;
  }

  @Override
  public long addressMask() {
    return ADDRESS & ~encrypted;
  }

  @Override
  public long table(long address, int level) {
    return address | PRESENT | WRITE | USER | ACCESSED | encrypted;
  }

  @Override
  public @Nullable Errno refuses(int prot) {
    return null;
  }

  /** Reading cannot be withheld; DIRTY goes with WRITE, as software never looks at it (PTX-003). */
  @Override
  public long attributes(int prot) {
    return PRESENT
        | USER
        | ACCESSED
        | ((prot & Prot.WRITE) != 0 ? WRITE | DIRTY : 0)
        | ((prot & Prot.MMIO) == 0 ? encrypted : 0);
  }

  @Override
  public long leaf(long address, int level, int sizeLg2, long attributes) {
    return address | attributes | (level > 0 ? LEAF : 0);
  }

  @Override
  public long writtenBackMask() {
    return WRITTEN_BACK;
  }
}
