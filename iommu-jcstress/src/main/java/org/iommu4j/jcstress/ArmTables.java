package org.iommu4j.jcstress;

import java.util.Set;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.LpaeConfig;
import org.iommu4j.pgtable.LpaeOwner;
import org.iommu4j.pgtable.LpaePageTable;
import org.iommu4j.pgtable.LpaeStage;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;

/** An ARM page table of stage 1 with small granule, and the hardware that walks it. */
final class ArmTables implements LpaeOwner {
  private static final int BITS = 48;

  /** Valid at the last level; at the others it leads to the page it stands in. */
  private static final long OTHER_ENTRY = 0x443;

  private final PhysicalMemory memory = Pages.memory(page -> page | OTHER_ENTRY);
  private final LpaePageTable table =
      new LpaePageTable(
          new LpaeConfig(LpaeStage.STAGE_1, BITS, BITS, 0x4020_1000L, true, Set.of()),
          memory,
          this);
  private final BusMemory bus = new BusMemory(memory);
  private final WalkingHardware hardware =
      new WalkingHardware(HardwareWalker.armStage1(bus, table.root(), 0, 64 - BITS));

  /** Makes the hardware walk slowly from now on. */
  void slowWalks() {
    bus.slow();
  }

  /** 1 if all pages were mapped, to where they belong. */
  int map(long iova, long pageSize, long count) {
    long result = table.map(iova, Pages.targetOf(iova), pageSize, count, Prot.RW);
    return result == MapResult.mapped(count) ? 1 : 0;
  }

  /** 1 if all pages were unmapped; nothing is cached that must be invalidated. */
  int unmap(long iova, long pageSize, long count) {
    return table.unmap(iova, pageSize, count, new IotlbGather()) == pageSize * count ? 1 : 0;
  }

  /** What the hardware sees. */
  int look(long iova) {
    return hardware.look(iova);
  }

  /** How many pages nobody finds any more. */
  int leaked() {
    int[] tables = {1};
    table.visit(
        (level, at, index, entry, child) -> tables[0] += child == TableVisitor.NO_CHILD ? 0 : 1);
    return (int) memory.allocatedPages() - tables[0];
  }

  @Override
  public void flushWalk(long iova, long size, long granule) {
    hardware.forget();
  }

  @Override
  public void addPage(IotlbGather gather, long iova, long size) {}
}
