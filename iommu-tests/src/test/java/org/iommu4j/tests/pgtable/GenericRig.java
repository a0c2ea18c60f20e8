package org.iommu4j.tests.pgtable;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.PageTableFeature;
import org.iommu4j.pgtable.PageTableOwner;
import org.iommu4j.pgtable.RadixPageTable;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;
import org.iommu4j.testkit.WalkedPage;

/** A page table, the hardware that walks it, and the model of both. */
final class GenericRig implements PageTableOwner {
  private static final long MEMORY = 0x7_0000_0000L;
  private static final long SIZE = 1L << 26;
  private static final Map<TableMemory, PhysicalMemory> SHARED = TableMemory.ofEach(MEMORY, SIZE);

  final GenericTables kind;
  final PhysicalMemory memory;
  final RadixPageTable table;
  final Leaves model = new Leaves();
  private final long allocatedBefore;
  private int level;
  private HardwareWalker hardware;

  /** In a memory that others used before; what they leaked is not this table's. */
  GenericRig(GenericTables kind, PhysicalMemory memory) {
    this.kind = kind;
    this.memory = memory;
    allocatedBefore = memory.allocatedPages();
    table = new RadixPageTable(kind.format(), memory, this);
    level = table.topLevel();
    hardware = kind.walker(memory, table.root(), level);
  }

  GenericRig(GenericTables kind, TableMemory where, int pageLimit) {
    this(kind, where.create(MEMORY, SIZE, pageLimit));
  }

  GenericRig(GenericTables kind, TableMemory where) {
    this(kind, where, Integer.MAX_VALUE);
  }

  /** Memory that is not made anew for every rig. */
  static PhysicalMemory sharedMemory(TableMemory where) {
    return requireNonNull(SHARED.get(where));
  }

  @Override
  public void invalidate(IotlbGather gather) {
    for (int i = 0; i < gather.freedCount(); i++) {
      memory.freePage(gather.freed(i));
    }
  }

  @Override
  public void changeTop(long newRoot, int newLevel) {
    level = newLevel;
    hardware = kind.walker(memory, newRoot, newLevel);
  }

  /** Whether the top table that the hardware was told last leads to an address. */
  boolean reaches(long last) {
    int bits = 12 + 9 * (level + 1);
    boolean grows = table.format().config().has(PageTableFeature.DYNAMIC_TOP);
    return !grows || bits >= 64 || last >>> bits == 0;
  }

  /** As the core does: what a failing call mapped is unmapped again. */
  long map(long iova, long paddr, long size, int prot) {
    long result = table.map(iova, paddr, size, prot);
    if (MapResult.isFailure(result)) {
      unmap(iova, MapResult.pages(result) << 12);
    }
    return result;
  }

  long unmap(long iova, long size) {
    var gather = new IotlbGather();
    long removed = table.unmap(iova, size, gather);
    if (removed > 0) {
      assertThat(gather.start()).isEqualTo(iova);
      assertThat(gather.end()).isEqualTo(iova + removed - 1);
    }
    invalidate(gather);
    return removed;
  }

  /** Table, hardware and model agree on an address. */
  void check(long iova) {
    Leaves.Leaf leaf = model.at(iova);
    long expected = model.translate(iova);
    assertThat(table.translate(iova)).as("translation of 0x%x", iova).isEqualTo(expected);
    WalkedPage page = hardware.walk(iova);
    if (leaf == null) {
      assertThat(page).as("walk to 0x%x", iova).isNull();
    } else {
      boolean write = (leaf.prot() & Prot.WRITE) != 0;
      boolean alwaysReads =
          kind.name().startsWith("X86") || (kind.name().startsWith("SV") && write);
      boolean read = (leaf.prot() & Prot.READ) != 0 || alwaysReads;
      assertThat(page)
          .as("walk to 0x%x", iova)
          .isEqualTo(new WalkedPage(expected, leaf.size(), read, write));
    }
  }

  void checkAround(long iova, long size) {
    check(iova);
    check(iova - 1);
    check(iova + size);
    check(iova + size - 1);
    check(iova + (size >>> 1));
  }

  void checkAll() {
    for (Leaves.Leaf leaf : model.byStart.values()) {
      check(leaf.start());
      if (leaf.size() > 0x1000) {
        check(leaf.last());
      }
    }
  }

  boolean holdsLeaf() {
    boolean[] found = {false};
    table.visit((at, page, index, entry, child) -> found[0] |= child == TableVisitor.NO_CHILD);
    return found[0];
  }

  /** Removes all the model knows, and then every table. */
  void tearDown() {
    for (Leaves.Leaf leaf : model.byStart.values()) {
      assertThat(unmap(leaf.start(), leaf.size())).isEqualTo(leaf.size());
    }
    assertThat(holdsLeaf()).isFalse();
    table.free();
    assertThat(memory.allocatedPages()).as("pages after the end").isEqualTo(allocatedBefore);
  }
}
