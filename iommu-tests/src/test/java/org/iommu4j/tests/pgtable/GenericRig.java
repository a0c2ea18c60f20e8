package org.iommu4j.tests.pgtable;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.PageTableConfig;
import org.iommu4j.pgtable.PageTableFeature;
import org.iommu4j.pgtable.PageTableOwner;
import org.iommu4j.pgtable.RadixPageTable;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;
import org.iommu4j.testkit.WalkedPage;
import org.jspecify.annotations.Nullable;

/** A page table, the hardware that walks it, and the model of both. */
final class GenericRig implements PageTableOwner, TableRig {
  private static final long MEMORY = 0x7_0000_0000L;
  private static final long SIZE = 1L << 26;
  private static final Map<TableMemory, PhysicalMemory> SHARED = TableMemory.ofEach(MEMORY, SIZE);

  final GenericTables kind;
  final PhysicalMemory memory;
  final RadixPageTable table;
  final Leaves model = new Leaves();
  private final long allocatedBefore;
  private int level;

  /** How often the hardware was pointed to another top table. */
  int newTops;

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
    newTops++;
  }

  @Override
  public PhysicalMemory memory() {
    return memory;
  }

  private PageTableConfig config() {
    return table.format().config();
  }

  @Override
  public int inputBits() {
    return config().inputBits();
  }

  @Override
  public int outputBits() {
    return config().outputBits();
  }

  @Override
  public boolean canonical() {
    return kind.canonical();
  }

  @Override
  public long pageSizes() {
    return table.pageSizes();
  }

  @Override
  public void restrictPageSizes(long sizes) {
    table.restrictPageSizes(sizes);
  }

  @Override
  public @Nullable Errno mapRange(long iova, long paddr, long size, int prot) {
    long result = map(iova, paddr, size, prot);
    if (MapResult.isFailure(result)) {
      return MapResult.errno(result);
    }
    assertThat(result).isEqualTo(MapResult.mapped(size >>> 12));
    return null;
  }

  @Override
  public long unmapRange(long iova, long size) {
    return unmap(iova, size);
  }

  @Override
  public long translate(long iova) {
    return table.translate(iova);
  }

  @Override
  public @Nullable WalkedPage walk(long iova) {
    WalkedPage page = hardware.walk(iova);
    return page == null
        ? null
        : new WalkedPage(
            page.paddr() & ~kind.encryptionBit, page.pageBytes(), page.readable(), page.writable());
  }

  @Override
  public void visit(TableVisitor visitor) {
    table.visit(visitor);
  }

  @Override
  public void readAndClearDirty(long iova, long size, boolean noClear, DirtyBitmap dirty) {
    table.readAndClearDirty(iova, size, noClear, dirty);
  }

  @Override
  public Errno overlap() {
    return Errno.EADDRINUSE;
  }

  @Override
  public void free() {
    table.free();
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
      boolean read =
          (leaf.prot() & Prot.READ) != 0
              || kind.alwaysReadable()
              || (write && kind.writableIsReadable());
      long encrypted = (leaf.prot() & Prot.MMIO) == 0 ? kind.encryptionBit : 0;
      assertThat(page)
          .as("walk to 0x%x", iova)
          .isEqualTo(new WalkedPage(expected | encrypted, leaf.size(), read, write));
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
