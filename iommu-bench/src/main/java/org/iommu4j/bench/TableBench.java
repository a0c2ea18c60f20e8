package org.iommu4j.bench;

import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.PhysicalMemory;

/** A core with one domain over a page table of its own. */
final class TableBench {
  final PagingDomainOps ops;
  final PagingDomain domain;

  /** Whether the driver maps ranges, not pages. */
  final boolean ranges;

  TableBench(String format, String memory, long pageSizes) {
    PhysicalMemory words = TableMemories.of(memory);
    ops =
        format.equals("arm64s1")
            ? new ArmDomain(words, pageSizes)
            : new TableDomain(TableFormats.of(format), words, pageSizes);
    ranges = ops instanceof TableDomain;
    var core = IommuCore.create(new IdleIommu(true, () -> ops));
    PlatformDevice device = PlatformDevice.builder("dev").build();
    core.probeDevice(device);
    domain = core.allocPagingDomain(device);
  }
}
