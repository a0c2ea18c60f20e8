package org.iommu4j.tests.pgtable;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.LpaeConfig;
import org.iommu4j.pgtable.LpaeOwner;
import org.iommu4j.pgtable.LpaePageTable;
import org.iommu4j.pgtable.LpaeRegisters;
import org.iommu4j.pgtable.LpaeStage;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;
import org.iommu4j.testkit.WalkedPage;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The self-test of Linux' ARM tables (PTL-020): three granules, all widths with input not above
 * output, both stages. The hardware is told what a driver tells it, and must find the same.
 */
class LpaeSelfTest implements LpaeOwner {
  private static final int[] WIDTHS = {32, 36, 40, 42, 44, 48};
  private static final long[] SIZES = {
    1L << 12 | 1L << 21 | 1L << 30, 1L << 14 | 1L << 25, 1L << 16 | 1L << 29
  };

  private final PhysicalMemory memory = TableKind.fresh();
  private final List<String> problems = new ArrayList<>();
  private long sizes;

  /** One configuration of 3 x 21 x 2. */
  record Width(LpaeStage stage, long sizes, int input, int output) {
    int pageLg2() {
      return Long.numberOfTrailingZeros(sizes);
    }

    @Override
    public String toString() {
      return String.format("%s %dK %d to %d bits", stage, (sizes & -sizes) >> 10, input, output);
    }
  }

  static Stream<Width> widths() {
    List<Width> all = new ArrayList<>();
    for (LpaeStage stage : LpaeStage.values()) {
      for (long sizes : SIZES) {
        for (int input : WIDTHS) {
          for (int output : WIDTHS) {
            if (input <= output) {
              all.add(new Width(stage, sizes, input, output));
            }
          }
        }
      }
    }
    return all.stream();
  }

  @Override
  public void flushWalk(long iova, long size, long granule) {
    check("walk", size, granule);
  }

  @Override
  public void addPage(IotlbGather gather, long iova, long size) {
    check("page", size, Long.lowestOneBit(sizes));
    gather.addRange(iova, size);
  }

  /** What is to be invalidated has a size the hardware knows. */
  private void check(String what, long size, long granule) {
    if ((size & sizes) != size || granule != Long.lowestOneBit(sizes)) {
      problems.add(String.format("%s of 0x%x, granule 0x%x", what, size, granule));
    }
  }

  // PTL-002, PTL-009 to PTL-012, PTL-015, PTL-017, PTL-019, PTL-020
  @ParameterizedTest
  @MethodSource("widths")
  void mapsAndUnmapsEverySize(Width width) {
    sizes = width.sizes();
    var config =
        new LpaeConfig(width.stage(), width.input(), width.output(), sizes, true, Set.of());
    var table = new LpaePageTable(config, memory, this);
    HardwareWalker hardware = hardware(width, table);
    assertThat(memory.allocatedPages()).isEqualTo(rootPages(width, table));
    for (long iova : new long[] {42, 1L << 30, (1L << width.input()) - 1}) {
      assertThat(table.translate(iova)).isZero();
      assertThat(hardware.walk(iova)).isNull();
    }
    long iova = 0;
    for (long size : each(sizes)) {
      assertThat(map(table, iova, iova, size, Prot.RW)).isEqualTo(MapResult.mapped(1));
      long again = map(table, iova, iova + size, size, Prot.READ | Prot.NOEXEC);
      assertThat(again).isEqualTo(MapResult.failed(0, Errno.EEXIST));
      assertLeaf(table, hardware, iova, iova, size, true);
      iova += 1L << 30;
    }
    iova = 0;
    for (long size : each(sizes)) {
      assertThat(table.unmap(iova, size, 1, new IotlbGather())).isEqualTo(size);
      assertThat(table.translate(iova + 42)).isZero();
      assertThat(hardware.walk(iova + 42)).isNull();
      assertThat(map(table, iova, iova, size, Prot.WRITE)).isEqualTo(MapResult.mapped(1));
      boolean read = width.stage() == LpaeStage.STAGE_1;
      assertLeaf(table, hardware, iova, iova, size, read);
      assertThat(table.unmap(iova, size, 1, new IotlbGather())).isEqualTo(size);
      iova += 1L << 30;
    }
    long largest = Long.highestOneBit(sizes);
    long last = (1L << width.input()) - largest;
    assertThat(map(table, last, last, largest, Prot.RW)).isEqualTo(MapResult.mapped(1));
    assertLeaf(table, hardware, last, last, largest, true);
    assertThat(table.unmap(last, largest, 1, new IotlbGather())).isEqualTo(largest);
    assertThat(hardware.walk(last)).isNull();
    long small = Long.lowestOneBit(sizes);
    long page = (1L << width.input()) - small;
    assertThat(map(table, page, page, small, Prot.RW)).isEqualTo(MapResult.mapped(1));
    assertLeaf(table, hardware, page, page, small, true);
    assertThat(problems).isEmpty();
    table.free();
    assertThat(memory.allocatedPages()).isZero();
  }

  private static Iterable<Long> each(long sizes) {
    return () -> BitSet.valueOf(new long[] {sizes}).stream().mapToObj(bit -> 1L << bit).iterator();
  }

  private static long map(LpaePageTable table, long iova, long paddr, long size, int prot) {
    return table.map(iova, paddr, size, 1, prot);
  }

  private static void assertLeaf(
      LpaePageTable table,
      HardwareWalker hardware,
      long iova,
      long paddr,
      long size,
      boolean readable) {
    for (long offset : new long[] {0, 42, size - 1}) {
      assertThat(table.translate(iova + offset)).isEqualTo(paddr + offset);
      assertThat(hardware.walk(iova + offset))
          .as("walk to 0x%x", iova + offset)
          .isEqualTo(new WalkedPage(paddr + offset, size, readable, true));
    }
  }

  private HardwareWalker hardware(Width width, LpaePageTable table) {
    LpaeRegisters r = table.registers();
    return width.stage() == LpaeStage.STAGE_1
        ? HardwareWalker.armStage1(memory, table.root(), r.granule(), r.inputSize())
        : HardwareWalker.armStage2(
            memory, table.root(), r.granule(), r.inputSize(), r.startLevel(), r.size());
  }

  /**
   * Pages of a start table: 8 bytes for each piece of the input range that one entry of its level
   * covers. Which level that is, stage 2 tells the hardware by a code (Arm Architecture Reference
   * Manual, VTCR_EL2.SL0); in stage 1 it is the lowest whose table is no larger than a page.
   */
  private static long rootPages(Width width, LpaePageTable table) {
    int page = width.pageLg2();
    int bits = page - 3;
    int level = 3;
    if (width.stage() == LpaeStage.STAGE_2) {
      int code = table.registers().startLevel();
      level = page == 12 ? 2 - code : 3 - code;
    } else {
      while (page + (4 - level) * bits < width.input()) {
        level--;
      }
    }
    long entries = 1L << (width.input() - page - (3 - level) * bits);
    return Math.max(1, entries * 8 / 0x1000);
  }
}
