package org.iommu4j.pgtable;

import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.Prot;
import org.jspecify.annotations.Nullable;

/**
 * Second-stage tables of Intel VT-d (Intel Virtualization Technology for Directed I/O, Architecture
 * Specification, "Second-Stage Paging Entries"; PTV-001 to PTV-006).
 *
 * <pre>
 *  63   62 61 60 ... 52  51 ... 12  11     10    9      8         7     6 ... 2  1      0
 *  sw   0     sw         address    snoop  sw    dirty  accessed  leaf  0        write  read
 *                                          |                      levels 1, 2
 *                                          written back (tables)
 * </pre>
 *
 * There is no bit for presence: an entry is empty if all of it is zero.
 */
@Mirrors({"pt_iommu_vtdss", "pt_iommu_vtdss_cfg"})
public final class VtdSecondStage implements PageTableFormat {
  private static final String NAME = "vtdss";

  private static final long READ = 1L;
  private static final long WRITE = 1L << 1;
  private static final long LEAF = 1L << 7;
  private static final long DIRTY = 1L << 9;
  private static final long WRITTEN_BACK = 1L << 10;
  private static final long SNOOP = 1L << 11;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  private static final int MAX_INPUT_BITS = 57;
  private static final int MAX_OUTPUT_BITS = 52;
  private static final int MIN_TOP = 2;
  private static final int MAX_TOP = 4;
  private static final int LAST_LEAF_LEVEL = 2;

  private static final Set<PageTableFeature> KNOWN =
      Set.of(
          PageTableFeature.DMA_INCOHERENT,
          PageTableFeature.FLUSH_RANGE,
          PageTableFeature.FORCE_COHERENCE,
          PageTableFeature.FORCE_WRITEABLE);

  private final PageTableConfig config;
  private final long snoop;

  private VtdSecondStage(PageTableConfig config) {
    this.config = config;
    this.snoop = config.has(PageTableFeature.FORCE_COHERENCE) ? SNOOP : 0;
  }

  /**
   * Makes the format for a configuration.
   *
   * @param config widths, top level 2 to 4 (39, 48, 57 bits), features
   * @return the format
   * @throws org.iommu4j.api.IommuException EINVAL for widths, EOPNOTSUPP for features or a top
   *     level it does not have
   */
  public static VtdSecondStage of(PageTableConfig config) {
    FormatChecks.widthsAndFeatures(NAME, config, MAX_INPUT_BITS, MAX_OUTPUT_BITS, KNOWN);
    FormatChecks.topLevel(NAME, config.topLevel(), MIN_TOP, MAX_TOP, Errno.EOPNOTSUPP);
    var format = new VtdSecondStage(FormatChecks.inForce(config));
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
    return -1L;
  }

  @Override
  public long tableMask(int level) {
    return level <= LAST_LEAF_LEVEL ? READ | LEAF : READ;
  }

  @Override
  public long tableValue(int level) {
    return READ;
  }

  @Override
  public long addressMask() {
    return ADDRESS;
  }

  @Override
  public long table(long address, int level) {
    return address | READ | WRITE;
  }

  @Override
  public @Nullable Errno refuses(int prot) {
    boolean none = (prot & Prot.RW) == 0;
    boolean readOnly = config.has(PageTableFeature.FORCE_WRITEABLE) && (prot & Prot.WRITE) == 0;
    return none || readOnly ? Errno.EINVAL : null;
  }

  @Override
  public long attributes(int prot) {
    return ((prot & Prot.READ) != 0 ? READ : 0) | ((prot & Prot.WRITE) != 0 ? WRITE : 0) | snoop;
  }

  @Override
  public long leaf(long address, int level, int sizeLg2, long attributes) {
    return address | attributes | (level > 0 ? LEAF : 0);
  }

  @Override
  public long dirtyMask() {
    return DIRTY;
  }

  @Override
  public long writtenBackMask() {
    return WRITTEN_BACK;
  }
}
