package org.iommu4j.jcstress;

import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.AmdV1;
import org.iommu4j.pgtable.PageTableConfig;
import org.iommu4j.pgtable.PageTableDomain;
import org.iommu4j.pgtable.PageTableFeature;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;

/** A domain of AMD's host tables, whose top grows, and the hardware that walks them. */
final class AmdTables extends PageTableDomain {
  /** A leaf at every level: present, at 3 GiB. */
  private static final long OTHER_ENTRY = 0xc000_0001L;

  private static final int FIRST_TOP = 2;

  private final PhysicalMemory memory;
  private final WalkingHardware hardware;

  AmdTables() {
    this(Pages.memory(page -> OTHER_ENTRY));
  }

  private AmdTables(PhysicalMemory memory) {
    super(AmdV1.of(PageTableConfig.of(64, 52, FIRST_TOP, PageTableFeature.DYNAMIC_TOP)), memory);
    this.memory = memory;
    this.hardware = new WalkingHardware(walkerFrom(table().root(), table().topLevel()));
  }

  private HardwareWalker walkerFrom(long root, int level) {
    return HardwareWalker.amdV1(memory, root, level + 1);
  }

  /** 1 if all of it was mapped, to where it belongs. */
  int map(long iova, long size) {
    long result = mapRange(iova, Pages.targetOf(iova), size, Prot.RW);
    return result == MapResult.mapped(size / Pages.K4) ? 1 : 0;
  }

  /** What the hardware sees. */
  int look(long iova) {
    return hardware.look(iova);
  }

  /** What the hardware sees of pages side by side, one bit for each answer. */
  int lookAtAll(long iova, int pages) {
    return hardware.lookAtAll(iova, pages);
  }

  /** How many pages nobody finds any more. */
  int leaked() {
    int[] tables = {1};
    table()
        .visit(
            (level, table, index, entry, child) ->
                tables[0] += child == TableVisitor.NO_CHILD ? 0 : 1);
    return (int) memory.allocatedPages() - tables[0];
  }

  @Override
  public void changeTop(long root, int level) {
    hardware.use(walkerFrom(root, level));
  }

  @Override
  protected void invalidateRange(IotlbGather gather) {
    hardware.forget();
  }

  @Override
  protected void invalidateAll() {
    hardware.forget();
  }
}
