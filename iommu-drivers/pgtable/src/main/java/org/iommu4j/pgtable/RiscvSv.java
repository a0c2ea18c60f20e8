package org.iommu4j.pgtable;

import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.Prot;
import org.jspecify.annotations.Nullable;

/**
 * RISC-V tables with the extensions Svnapot and Svpbmt: Sv39, Sv48 and Sv57 (RISC-V Privileged
 * Architecture, "Sv39: Page-Based 39-bit Virtual-Memory System" and following; PTR-001 to PTR-005),
 * and for a second stage Sv39x4, Sv48x4 and Sv57x4 (same document, "Two-Stage Address Translation";
 * RISC-V IOMMU Architecture, "Device-Context").
 *
 * <pre>
 *  63  62  61  60 ... 54  53 ... 10  9 8  7  6  5  4  3  2  1  0
 *  N   IO  NC  0          PPN        sw   D  A  G  U  X  W  R  V
 *      memory type
 * </pre>
 *
 * <p>An entry with V and none of R, W, X points to a table. With N the lowest four bits of the PPN
 * are 8 and the leaf covers 64 KiB, 16 entries of level 0.
 *
 * <p>In a second stage all accesses count as user's, so every leaf has U. Two more bits of the
 * input address select an entry of the top table, which has 2048 of them in 16 KiB, on a multiple
 * of that:
 *
 * <pre>
 *  Sv39     38 ... 30  29 ... 21  20 ... 12  11 ... 0    the bits above are copies of bit 38
 *  Sv39x4   40 ... 30  29 ... 21  20 ... 12  11 ... 0    the bits above are 0
 *           level 2    level 1    level 0    offset
 * </pre>
 *
 * <p>Linux 7.3 has no second stage of RISC-V, so no rule and no recorded word stands behind it: it
 * follows the public specification alone.
 */
@Mirrors({"pt_iommu_riscv_64", "pt_iommu_riscv_64_cfg"})
public final class RiscvSv implements PageTableFormat {
  private static final String NAME = "riscv64";
  private static final String SECOND_STAGE = "riscv64x4";

  private static final long V = 1L;
  private static final long R = 1L << 1;
  private static final long W = 1L << 2;
  private static final long X = 1L << 3;
  private static final long U = 1L << 4;
  private static final long A = 1L << 6;
  private static final long D = 1L << 7;
  private static final long PPN = 0x003f_ffff_ffff_fc00L;
  private static final long NC = 1L << 61;
  private static final long IO = 1L << 62;
  private static final long N = 1L << 63;
  private static final int PPN_TO_ADDRESS = 2;

  private static final int NAPOT_LG2 = 16;
  private static final long NAPOT_PPN = 8L << 10;

  private static final int PAGE_LG2 = 12;
  private static final int BITS = 9;
  private static final int ROOT_BITS_ADDED = 2;
  private static final int MAX_INPUT_BITS = 57;
  private static final int MAX_OUTPUT_BITS = 56;
  private static final int MAX_TOP = 4;

  private static final Set<PageTableFeature> COMPILED =
      Set.of(
          PageTableFeature.SIGN_EXTEND,
          PageTableFeature.FLUSH_RANGE,
          PageTableFeature.DETAILED_GATHER,
          PageTableFeature.SVNAPOT_64K);

  private static final Set<PageTableFeature> DEBUG =
      Set.of(
          PageTableFeature.SIGN_EXTEND,
          PageTableFeature.FLUSH_RANGE,
          PageTableFeature.DETAILED_GATHER,
          PageTableFeature.SVNAPOT_64K,
          PageTableFeature.SVPBMT);

  /** What a second stage can have: Linux refuses nothing there, as it has none. */
  private static final Set<PageTableFeature> UNSIGNED =
      Set.of(
          PageTableFeature.FLUSH_RANGE,
          PageTableFeature.DETAILED_GATHER,
          PageTableFeature.SVNAPOT_64K,
          PageTableFeature.SVPBMT);

  private final PageTableConfig config;
  private final int rootBitsAdded;
  private final int topLevel;
  private final boolean memoryTypes;

  private RiscvSv(PageTableConfig config, int rootBitsAdded) {
    this.config = config;
    this.rootBitsAdded = rootBitsAdded;
    this.topLevel = (config.inputBits() - rootBitsAdded - PAGE_LG2) / BITS - 1;
    this.memoryTypes = config.has(PageTableFeature.SVPBMT);
  }

  /**
   * Makes the format for a configuration. Gathers are always detailed. Svpbmt is refused unless in
   * a debug configuration, as Linux does not list it (PTR-006).
   *
   * @param config input width 39, 48 or 57, which decides the top level; output width; features
   * @return the format
   * @throws IommuException EINVAL for widths, EOPNOTSUPP for features it does not have
   */
  public static RiscvSv of(PageTableConfig config) {
    Set<PageTableFeature> known = config.debug() ? DEBUG : COMPILED;
    FormatChecks.widthsAndFeatures(NAME, config, MAX_INPUT_BITS, MAX_OUTPUT_BITS, known);
    return of(config, 0);
  }

  /**
   * Makes the format of a second stage. Gathers are always detailed.
   *
   * @param config input width 41, 50 or 59 (Sv39x4, Sv48x4, Sv57x4), which decides the top level;
   *     output width; features, without sign extension
   * @return the format
   * @throws IommuException EINVAL for widths, EOPNOTSUPP for features it does not have
   */
  public static RiscvSv secondStage(PageTableConfig config) {
    FormatChecks.widthsAndFeatures(
        SECOND_STAGE, config, MAX_INPUT_BITS + ROOT_BITS_ADDED, MAX_OUTPUT_BITS, UNSIGNED);
    return of(config, ROOT_BITS_ADDED);
  }

  private static RiscvSv of(PageTableConfig config, int rootBitsAdded) {
    var format =
        new RiscvSv(FormatChecks.inForce(config, PageTableFeature.DETAILED_GATHER), rootBitsAdded);
    int bits = config.inputBits() - rootBitsAdded;
    if (bits != 39 && bits != 48 && bits != 57) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "%s tables have input addresses of %d, %d or %d bits, not %d",
              format.name(),
              39 + rootBitsAdded,
              48 + rootBitsAdded,
              57 + rootBitsAdded,
              config.inputBits()));
    }
    FormatChecks.complete(format);
    return format;
  }

  @Override
  public String name() {
    return rootBitsAdded == 0 ? NAME : SECOND_STAGE;
  }

  @Override
  public PageTableConfig config() {
    return config;
  }

  @Override
  public int topLevel() {
    return topLevel;
  }

  @Override
  public int maxTopLevel() {
    return MAX_TOP;
  }

  @Override
  public int indexBits(int level) {
    return level == topLevel ? BITS + rootBitsAdded : BITS;
  }

  @Override
  public long leafSizes(int level) {
    boolean napot = level == 0 && config.has(PageTableFeature.SVNAPOT_64K);
    return 1L << itemLg2(level) | (napot ? 1L << NAPOT_LG2 : 0);
  }

  @Override
  public long presentMask() {
    return V;
  }

  @Override
  public long tableMask(int level) {
    return V | R | W | X;
  }

  @Override
  public long tableValue(int level) {
    return V;
  }

  @Override
  public long addressMask() {
    return PPN;
  }

  @Override
  public int addressShift() {
    return PPN_TO_ADDRESS;
  }

  @Override
  public long table(long address, int level) {
    return address >>> PPN_TO_ADDRESS | V;
  }

  /** Without R, W and X the entry would be a table (PTR-004). */
  @Override
  public @Nullable Errno refuses(int prot) {
    return (permissions(prot) & (R | W | X)) == 0 ? Errno.EOPNOTSUPP : null;
  }

  private static long permissions(int prot) {
    return ((prot & Prot.WRITE) != 0 ? R | W | D : 0)
        | ((prot & Prot.READ) != 0 ? R : 0)
        | ((prot & Prot.NOEXEC) == 0 ? X : 0);
  }

  @Override
  public long attributes(int prot) {
    return V | A | U | permissions(prot) | (memoryTypes ? memoryType(prot) : 0);
  }

  private static long memoryType(int prot) {
    if ((prot & Prot.MMIO) != 0) {
      return IO;
    }
    return (prot & Prot.CACHE) == 0 ? NC : 0;
  }

  @Override
  public long leaf(long address, int level, int sizeLg2, long attributes) {
    boolean napot = level == 0 && sizeLg2 == NAPOT_LG2;
    return address >>> PPN_TO_ADDRESS | attributes | (napot ? N | NAPOT_PPN : 0);
  }

  @Override
  public int leafLg2(long leaf, int level) {
    return level == 0 && (leaf & N) != 0 ? NAPOT_LG2 : itemLg2(level);
  }
}
