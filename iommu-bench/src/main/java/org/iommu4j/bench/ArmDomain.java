package org.iommu4j.bench;

import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.pgtable.LpaeConfig;
import org.iommu4j.pgtable.LpaeOwner;
import org.iommu4j.pgtable.LpaePageTable;
import org.iommu4j.pgtable.LpaeStage;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/** A domain over ARM tables of stage 1, whose hardware has nothing to invalidate. */
final class ArmDomain implements PagingDomainOps, LpaeOwner {
  private static final long ALL = 1L << 12 | 1L << 21 | 1L << 30;
  private static final int BITS = 48;
  private static final Set<DomainOp> OPERATIONS =
      EnumSet.of(
          DomainOp.ATTACH_DEV,
          DomainOp.FREE,
          DomainOp.MAP_PAGES,
          DomainOp.IOVA_TO_PHYS,
          DomainOp.IOTLB_SYNC,
          DomainOp.FLUSH_IOTLB_ALL);

  private final LpaePageTable table;
  private final long pageSizes;

  ArmDomain(PhysicalMemory memory, long pageSizes) {
    this.pageSizes = ALL & pageSizes;
    var config = new LpaeConfig(LpaeStage.STAGE_1, BITS, BITS, ALL, true, Set.of());
    table = new LpaePageTable(config, memory, this);
  }

  @Override
  public Set<DomainOp> operations() {
    return OPERATIONS;
  }

  @Override
  public long pageSizes() {
    return pageSizes;
  }

  @Override
  public DomainGeometry geometry() {
    return table.aperture();
  }

  @Override
  public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
    return table.map(iova, paddr, pageSize, pageCount, prot);
  }

  @Override
  public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
    return table.unmap(iova, pageSize, pageCount, gather);
  }

  @Override
  public long iovaToPhys(long iova) {
    return table.translate(iova);
  }

  @Override
  public void flushWalk(long iova, long size, long granule) {}

  @Override
  public void addPage(IotlbGather gather, long iova, long size) {
    gather.addPage(this, iova, size);
  }

  @Override
  public void iotlbSync(IotlbGather gather) {}

  @Override
  public void flushIotlbAll() {}

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {}

  @Override
  public void free(Domain self) {}
}
