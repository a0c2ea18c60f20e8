package org.iommu4j.cli.vectors;

import java.util.List;
import java.util.Set;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.pgtable.LpaeConfig;
import org.iommu4j.pgtable.LpaeOwner;
import org.iommu4j.pgtable.LpaePageTable;
import org.iommu4j.pgtable.LpaeRegisters;
import org.iommu4j.pgtable.LpaeStage;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;

/**
 * An ARM page table, called through the core's loops over page sizes (CORE-502 to CORE-507,
 * CORE-532 to CORE-534), as the recording was.
 *
 * <p>The configuration line of a case does not say two things. The granule follows from the
 * recorded page sizes, as no size belongs to two granules. Quirks follow from the marks they leave
 * ({@link ArmQuirks}).
 */
final class ArmTable implements TableUnderTest {
  private static final long NON_COHERENT = 1;
  private static final int PAGE_LG2 = 12;

  private static final List<Long> GRANULES =
      List.of(1L << 12 | 1L << 21 | 1L << 30, 1L << 14 | 1L << 25, 1L << 16 | 1L << 29 | 1L << 42);

  private final LpaeStage stage;
  private final LpaePageTable table;
  private long pageSizes;

  private ArmTable(LpaeStage stage, LpaePageTable table) {
    this.stage = stage;
    this.table = table;
    this.pageSizes = table.pageSizes();
  }

  static boolean knows(String format) {
    return format.equals("arm64s1") || format.equals("arm64s2");
  }

  /**
   * Makes the table of a case.
   *
   * @throws org.iommu4j.api.IommuException if the configuration is refused
   */
  static ArmTable of(VectorCase recorded, BumpMemory memory) {
    VectorSetup setup = recorded.setup();
    LpaeStage stage = setup.format().equals("arm64s2") ? LpaeStage.STAGE_2 : LpaeStage.STAGE_1;
    long pageSizes = granule(recorded.recordedPageSizes());
    var config =
        new LpaeConfig(
            stage,
            setup.inputBits(),
            setup.outputBits(),
            pageSizes,
            (setup.features() & NON_COHERENT) == 0,
            ArmQuirks.of(recorded, stage, pageSizes));
    return new ArmTable(stage, new LpaePageTable(config, memory, new Hardware()));
  }

  private static long granule(long sizes) {
    return GRANULES.stream().filter(all -> (all & sizes) != 0).findFirst().orElse(GRANULES.get(0));
  }

  @Override
  public long restrictPageSizes(long sizes) {
    pageSizes = table.pageSizes() & sizes;
    return pageSizes;
  }

  @Override
  public DomainGeometry aperture() {
    return table.aperture();
  }

  @Override
  public String hardware() {
    LpaeRegisters r = table.registers();
    return stage == LpaeStage.STAGE_1
        ? String.format(
            "hw tcr ips=%d tg=%d sh=%d orgn=%d irgn=%d tsz=%d mair=0x%016x",
            r.size(),
            r.granule(),
            r.shareability(),
            r.outerCache(),
            r.innerCache(),
            r.inputSize(),
            (long) r.attributes())
        : String.format(
            "hw vtcr ps=%d tg=%d sh=%d orgn=%d irgn=%d sl=%d tsz=%d",
            r.size(),
            r.granule(),
            r.shareability(),
            r.outerCache(),
            r.innerCache(),
            r.startLevel(),
            r.inputSize());
  }

  @Override
  public long map(long iova, long paddr, long size, int prot) {
    if (((iova | paddr | size) & (Long.lowestOneBit(pageSizes) - 1)) != 0) {
      return MapResult.failed(0, Errno.EINVAL);
    }
    long done = 0;
    while (done != size) {
      long at = iova + done;
      long to = paddr + done;
      long pageSize = pageSize(at, to, size - done);
      long result = table.map(at, to, pageSize, count(at, to, size - done, pageSize), prot);
      done += MapResult.pages(result) * pageSize;
      if (MapResult.isFailure(result)) {
        // The core takes back what it mapped (CORE-504).
        unmap(iova, done, new IotlbGather());
        return MapResult.failed(0, MapResult.errno(result));
      }
    }
    return MapResult.mapped(done);
  }

  @Override
  public long unmap(long iova, long size, IotlbGather gather) {
    if (((iova | size) & (Long.lowestOneBit(pageSizes) - 1)) != 0) {
      return 0;
    }
    long done = 0;
    while (Long.compareUnsigned(done, size) < 0) {
      long at = iova + done;
      long pageSize = pageSize(at, at, size - done);
      long removed = table.unmap(at, pageSize, count(at, at, size - done, pageSize), gather);
      if (removed == 0) {
        break;
      }
      if (!gather.hasRange()) {
        gather.addRange(at, size); // CORE-534
      }
      done += removed;
    }
    return done;
  }

  private long pageSize(long iova, long paddr, long size) {
    long aligned = Long.lowestOneBit(iova | paddr);
    long upToAlignment = aligned == 0 ? -1L : aligned | (aligned - 1);
    long upToSize = Long.highestOneBit(size) | (Long.highestOneBit(size) - 1);
    return Long.highestOneBit(pageSizes & upToAlignment & upToSize);
  }

  private long count(long iova, long paddr, long size, long pageSize) {
    long larger = Long.lowestOneBit(pageSizes & -pageSize << 1);
    if (larger != 0 && ((iova ^ paddr) & (larger - 1)) == 0) {
      long toBoundary = larger - (iova & (larger - 1));
      if (toBoundary + larger <= size) {
        return toBoundary / pageSize;
      }
    }
    return Long.divideUnsigned(size, pageSize);
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

  /** Nobody walks these tables; pages are gathered as an SMMU driver does it. */
  private static final class Hardware implements LpaeOwner, PagingDomainOps {
    @Override
    public Set<DomainOp> operations() {
      return Set.of();
    }

    @Override
    public long pageSizes() {
      return 1L << PAGE_LG2;
    }

    @Override
    public void flushWalk(long iova, long size, long granule) {}

    @Override
    public void addPage(IotlbGather gather, long iova, long size) {
      gather.addPage(this, iova, size);
    }
  }
}
