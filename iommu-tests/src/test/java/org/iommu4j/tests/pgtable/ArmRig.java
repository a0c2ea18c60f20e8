package org.iommu4j.tests.pgtable;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.LpaeOwner;
import org.iommu4j.pgtable.LpaePageTable;
import org.iommu4j.pgtable.LpaeStage;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;
import org.iommu4j.testkit.WalkedPage;

/** An ARM page table, the hardware that walks it, and the model of both. */
final class ArmRig implements LpaeOwner {
  private static final Map<TableMemory, PhysicalMemory> SHARED =
      TableMemory.ofEach(0x7_0000_0000L, 1L << 28);

  final ArmTables kind;
  final PhysicalMemory memory;
  final LpaePageTable table;
  final HardwareWalker hardware;
  final Leaves model = new Leaves();

  private final long allocatedBefore;

  /** In a memory that others used before; what they leaked is not this table's. */
  ArmRig(ArmTables kind, PhysicalMemory memory) {
    this.kind = kind;
    this.memory = memory;
    allocatedBefore = memory.allocatedPages();
    table = new LpaePageTable(kind.config(), memory, this);
    hardware = kind.walker(memory, table);
  }

  /** Memory that is not made anew for every rig. */
  static PhysicalMemory sharedMemory(TableMemory where) {
    return requireNonNull(SHARED.get(where));
  }

  @Override
  public void flushWalk(long iova, long size, long granule) {}

  @Override
  public void addPage(IotlbGather gather, long iova, long size) {
    gather.addRange(iova, size);
  }

  /** One call; the table must do what the model says it does. */
  void map(long iova, long paddr, long pageSize, long count, int prot) {
    long result = table.map(iova, paddr, pageSize, count, prot);
    long inTable = Math.min(count, restOfTable(iova, pageSize));
    long free = free(iova, pageSize, inTable);
    // Tables under a block go with what they hold, even if a later block cannot be mapped.
    List.copyOf(model.byStart.subMap(iova, true, iova + free * pageSize, false).keySet())
        .forEach(model.byStart::remove);
    if (free < inTable) {
      assertThat(result).isEqualTo(MapResult.failed(0, Errno.EEXIST));
      return;
    }
    assertThat(result).isEqualTo(MapResult.mapped(inTable));
    for (long i = 0; i < inTable; i++) {
      model.add(iova + i * pageSize, paddr + i * pageSize, pageSize, prot);
    }
  }

  /** Entries of a table all lie in one span; the start table is cut off by the input width. */
  private long restOfTable(long iova, long pageSize) {
    long span = pageSize << (kind.granuleLg2 - 3);
    boolean start = span >>> kind.inputBits != 0 || isStart(pageSize);
    long end = start ? 1L << kind.inputBits : (iova & -span) + span;
    return (end - iova) / pageSize;
  }

  private boolean isStart(long pageSize) {
    int level = (Long.numberOfTrailingZeros(pageSize) - kind.granuleLg2) / (kind.granuleLg2 - 3);
    return level == table.topLevel();
  }

  /** How many entries come before a leaf as large as they or larger. */
  private long free(long iova, long pageSize, long count) {
    long n = 0;
    while (n < count) {
      Leaves.Leaf there = model.at(iova + n * pageSize);
      if (there != null && there.size() >= pageSize) {
        break;
      }
      n++;
    }
    return n;
  }

  /** Unmaps leaves of one size; the model has no empty tables, so larger sizes need a leaf. */
  void unmap(long iova, long pageSize, long count) {
    Leaves.Leaf there = model.at(iova);
    boolean usable = there != null && there.size() == pageSize;
    if (!usable && pageSize != 1L << kind.granuleLg2) {
      return;
    }
    long most = usable ? leavesFrom(iova, pageSize, count) : count;
    var gather = new IotlbGather();
    long removed = table.unmap(iova, pageSize, most, gather);
    long expected =
        usable ? model.unmap(iova, Math.min(most, restOfTable(iova, pageSize)) * pageSize) : 0;
    assertThat(removed).isEqualTo(expected);
    if (removed > 0) {
      assertThat(gather.start()).isEqualTo(iova);
      assertThat(gather.end()).isEqualTo(iova + removed - 1);
    }
  }

  private long leavesFrom(long iova, long pageSize, long count) {
    long n = 0;
    while (n < count) {
      Leaves.Leaf leaf = model.at(iova + n * pageSize);
      if (leaf == null || leaf.size() != pageSize) {
        break;
      }
      n++;
    }
    return n;
  }

  void check(long iova) {
    Leaves.Leaf leaf = model.at(iova);
    long expected = model.translate(iova);
    assertThat(table.translate(iova)).as("translation of 0x%x", iova).isEqualTo(expected);
    WalkedPage page = hardware.walk(iova);
    if (leaf == null) {
      assertThat(page).as("walk to 0x%x", iova).isNull();
    } else {
      boolean stage1 = kind.stage == LpaeStage.STAGE_1;
      boolean read = stage1 || (leaf.prot() & Prot.READ) != 0;
      boolean write = (leaf.prot() & Prot.WRITE) != 0;
      assertThat(page)
          .as("walk to 0x%x", iova)
          .isEqualTo(new WalkedPage(expected, leaf.size(), read, write));
    }
  }

  void checkAll() {
    for (Leaves.Leaf leaf : model.byStart.values()) {
      check(leaf.start());
      check(leaf.last());
    }
  }

  void tearDown() {
    for (Leaves.Leaf leaf : List.copyOf(model.byStart.values())) {
      unmap(leaf.start(), leaf.size(), 1);
      check(leaf.start());
    }
    table.free();
    assertThat(memory.allocatedPages()).as("pages after the end").isEqualTo(allocatedBefore);
  }
}
