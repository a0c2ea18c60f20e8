package org.iommu4j.cli.vectors;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.pgtable.AmdV1;
import org.iommu4j.pgtable.PageTableConfig;
import org.iommu4j.pgtable.PageTableFeature;
import org.iommu4j.pgtable.PageTableFormat;
import org.iommu4j.pgtable.PageTableOwner;
import org.iommu4j.pgtable.RadixPageTable;
import org.iommu4j.pgtable.RiscvSv;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.pgtable.VtdSecondStage;
import org.iommu4j.pgtable.X86FirstStage;
import org.iommu4j.spi.MapResult;

/** A generic page table, called as its driver's operations are. */
final class GenericTable implements TableUnderTest {
  private static final int PAGE_LG2 = 12;

  /** The features with the same bit in all formats; then come those of the format. */
  private static final List<PageTableFeature> COMMON =
      List.of(
          PageTableFeature.DMA_INCOHERENT,
          PageTableFeature.FULL_VA,
          PageTableFeature.DYNAMIC_TOP,
          PageTableFeature.SIGN_EXTEND,
          PageTableFeature.FLUSH_RANGE,
          PageTableFeature.FLUSH_RANGE_NO_GAPS,
          PageTableFeature.DETAILED_GATHER);

  private final RadixPageTable table;

  private GenericTable(RadixPageTable table) {
    this.table = table;
  }

  static boolean knows(String format) {
    return !ownFeatures(format).isEmpty();
  }

  private static List<PageTableFeature> ownFeatures(String format) {
    return switch (format) {
      case "amdv1" -> List.of(PageTableFeature.ENCRYPT_TABLES, PageTableFeature.FORCE_COHERENCE);
      case "vtdss" -> List.of(PageTableFeature.FORCE_COHERENCE, PageTableFeature.FORCE_WRITEABLE);
      case "x86_64" -> List.of(PageTableFeature.ENCRYPT_TABLES);
      case "riscv64", "riscv64x4" -> List.of(PageTableFeature.SVNAPOT_64K, PageTableFeature.SVPBMT);
      default -> List.of();
    };
  }

  /**
   * Makes the table of a case.
   *
   * @throws IommuException if the configuration is refused
   */
  static GenericTable of(VectorCase recorded, BumpMemory memory) {
    // A debug build accepts what others refuse (PTR-006); only the outcome tells which it was.
    boolean debug = !recorded.recordedAsFailed();
    VectorSetup setup = recorded.setup();
    var config =
        new PageTableConfig(
            setup.inputBits(), setup.outputBits(), setup.topLevel(), features(setup), debug);
    return new GenericTable(
        new RadixPageTable(format(setup.format(), config), memory, new Hardware(memory)));
  }

  private static Set<PageTableFeature> features(VectorSetup setup) {
    List<PageTableFeature> own = ownFeatures(setup.format());
    Set<PageTableFeature> features = EnumSet.noneOf(PageTableFeature.class);
    for (int bit = 0; bit < Long.SIZE; bit++) {
      if ((setup.features() >>> bit & 1) == 0) {
        continue;
      }
      if (bit >= COMMON.size() + own.size()) {
        throw new IommuException(
            Errno.EOPNOTSUPP,
            String.format("%s tables have no feature of bit %d", setup.format(), bit));
      }
      features.add(bit < COMMON.size() ? COMMON.get(bit) : own.get(bit - COMMON.size()));
    }
    return features;
  }

  private static PageTableFormat format(String name, PageTableConfig config) {
    return switch (name) {
      case "amdv1" -> AmdV1.of(config);
      case "vtdss" -> VtdSecondStage.of(config);
      case "x86_64" -> X86FirstStage.of(config);
      case "riscv64" -> RiscvSv.of(config);
      case "riscv64x4" -> RiscvSv.secondStage(config);
      default -> throw new IllegalArgumentException(name);
    };
  }

  @Override
  public long restrictPageSizes(long sizes) {
    table.restrictPageSizes(sizes);
    return table.pageSizes();
  }

  @Override
  public DomainGeometry aperture() {
    return table.aperture();
  }

  @Override
  public String hardware() {
    return "";
  }

  @Override
  public long map(long iova, long paddr, long size, int prot) {
    long result = table.map(iova, paddr, size, prot);
    long bytes = MapResult.pages(result) << PAGE_LG2;
    return MapResult.isFailure(result)
        ? MapResult.failed(bytes, MapResult.errno(result))
        : MapResult.mapped(bytes);
  }

  @Override
  public long unmap(long iova, long size, IotlbGather gather) {
    return table.unmap(iova, size, gather);
  }

  @Override
  public long translate(long iova) {
    return table.translate(iova);
  }

  @Override
  public long root() {
    return table.root();
  }

  @Override
  public int topLevel() {
    return table.topLevel();
  }

  @Override
  public void visit(TableVisitor visitor) {
    table.visit(visitor);
  }

  /** Nobody walks these tables: there is nothing to invalidate. */
  private record Hardware(BumpMemory memory) implements PageTableOwner {
    @Override
    public void invalidate(IotlbGather gather) {
      for (int i = 0; i < gather.freedCount(); i++) {
        memory.freePage(gather.freed(i));
      }
    }

    @Override
    public void changeTop(long root, int level) {}
  }
}
