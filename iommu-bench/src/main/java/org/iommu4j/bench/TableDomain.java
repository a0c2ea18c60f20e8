package org.iommu4j.bench;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.pgtable.PageTableDomain;
import org.iommu4j.pgtable.PageTableFormat;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/** A domain whose hardware has nothing to invalidate, so that what is measured is the tables. */
final class TableDomain extends PageTableDomain {
  TableDomain(PageTableFormat format, PhysicalMemory memory, long pageSizes) {
    super(format, memory);
    table().restrictPageSizes(pageSizes);
  }

  @Override
  protected void invalidateRange(IotlbGather gather) {}

  @Override
  protected void invalidateAll() {}

  @Override
  public void changeTop(long root, int level) {}

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {}
}
