package org.iommu4j.tests.pgtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.stream.Stream;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.TableVisitor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Memory that has no page once, at any table of a call: nothing stays mapped, nothing leaks. */
class AllocationFailureTest {
  private static final long PADDR = 0x8000_0000L;
  private static final long BASE = 0x7_0000_0000L;
  private static final long BYTES = 1L << 24;

  static Stream<Arguments> tablesAndMemories() {
    return TableKind.all()
        .flatMap(kind -> Stream.of(TableMemory.values()).map(where -> Arguments.of(kind, where)));
  }

  static Stream<Arguments> growingTablesAndMemories() {
    return Stream.of(GenericTables.AMD_GROWING, GenericTables.AMD_ENCRYPTED)
        .flatMap(kind -> Stream.of(TableMemory.values()).map(where -> Arguments.of(kind, where)));
  }

  // PTG-009, PTG-011, PTL-012; CORE-504 for the undo
  @ParameterizedTest
  @MethodSource("tablesAndMemories")
  void undoIsExactAtEveryTable(TableKind kind, TableMemory where) {
    int needed = tablesNeeded(kind, where);
    assertThat(needed).isGreaterThanOrEqualTo(2);
    for (int i = 0; i < needed; i++) {
      var memory = new FailingMemory(where.create(BASE, BYTES, Integer.MAX_VALUE));
      TableRig rig = kind.rig(memory);
      long page = rig.smallestPage();
      long first = first(rig);
      rig.mapRange(first - page, PADDR, page, Prot.READ);
      long before = memory.allocations();
      memory.fail(i);
      assertThat(map(rig, first)).as("table %d", i).isEqualTo(Errno.ENOMEM);
      assertThat(memory.allocations() - before).isEqualTo(i + 1);
      assertThat(rig.leafEntries()).as("table %d", i).isEqualTo(1);
      assertThat(rig.translate(first - page)).isEqualTo(PADDR);
      assertNothing(rig, first);
      assertNoPageIsOutside(rig);
      // What was tried in vain is no obstacle.
      assertThat(map(rig, first)).isNull();
      assertThat(rig.translate(first + size(rig) - 1)).isEqualTo(PADDR + page + size(rig) - 1);
      rig.free();
      assertThat(memory.allocatedPages()).isZero();
    }
  }

  /** What a whole table of the smallest pages covers. */
  private static long large(TableRig rig) {
    return Long.lowestOneBit(rig.pageSizes() & (1L << 21 | 1L << 25 | 1L << 29));
  }

  /** A larger leaf before the border of two tables. */
  private static long first(TableRig rig) {
    return (1L << Math.min(rig.inputBits() - 2, 40)) - large(rig);
  }

  /** Not a multiple of the larger size: leaves of both sizes, or more tables of the small ones. */
  private static long size(TableRig rig) {
    return 2 * large(rig) + 2 * rig.smallestPage();
  }

  private static @Nullable Errno map(TableRig rig, long first) {
    return rig.mapRange(first, PADDR + rig.smallestPage(), size(rig), Prot.RW);
  }

  private static int tablesNeeded(TableKind kind, TableMemory where) {
    var memory = new FailingMemory(where.create(BASE, BYTES, Integer.MAX_VALUE));
    TableRig rig = kind.rig(memory);
    rig.mapRange(first(rig) - rig.smallestPage(), PADDR, rig.smallestPage(), Prot.READ);
    long before = memory.allocations();
    assertThat(map(rig, first(rig))).isNull();
    return (int) (memory.allocations() - before);
  }

  private static void assertNothing(TableRig rig, long first) {
    long page = rig.smallestPage();
    for (long at = first; at < first + size(rig); at += page) {
      assertThat(rig.translate(at)).isZero();
      assertThat(rig.walk(at)).isNull();
    }
  }

  /** Every page of the memory can be reached from the top table. */
  private static void assertNoPageIsOutside(TableRig rig) {
    long[] tables = {0};
    rig.visit((level, at, i, entry, child) -> tables[0] += child == TableVisitor.NO_CHILD ? 0 : 1);
    long root = rig.memory().allocatedPages() - tables[0] * rig.smallestPage() / 0x1000;
    assertThat(root).as("pages of the top table").isEqualTo(rootPages(rig));
  }

  private static long rootPages(TableRig rig) {
    if (rig instanceof ArmRig arm) {
      return new ArmRig(arm.kind, TableKind.fresh()).memory().allocatedPages();
    }
    return rig instanceof GenericRig generic && generic.kind.name().endsWith("X4") ? 4 : 1;
  }

  @ParameterizedTest
  @MethodSource("tablesAndMemories")
  void withoutATopTableThereIsNone(TableKind kind, TableMemory where) {
    var memory = new FailingMemory(where.create(BASE, BYTES, Integer.MAX_VALUE));
    memory.fail(0);
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(() -> kind.rig(memory))
        .extracting(IommuException::errno)
        .isEqualTo(Errno.ENOMEM);
    assertThat(memory.allocatedPages()).isZero();
  }

  // PTG-023: growing the top needs tables, too; it grows by all of them or by none
  @ParameterizedTest
  @MethodSource("growingTablesAndMemories")
  void aTopThatCannotGrowStaysAsItIs(GenericTables kind, TableMemory where) {
    long far = -0x1000L;
    for (int i = 0; i < 3 + 5; i++) {
      var memory = new FailingMemory(where.create(BASE, BYTES, Integer.MAX_VALUE));
      var rig = new GenericRig(kind, memory);
      assertThat(rig.mapRange(0x1000, PADDR, 0x1000, Prot.RW)).isNull();
      rig.model.add(0x1000, PADDR, 0x1000, Prot.RW);
      long root = rig.table.root();
      long pages = memory.allocatedPages();
      memory.fail(i);
      assertThat(rig.mapRange(far, PADDR, 0x1000, Prot.RW)).isEqualTo(Errno.ENOMEM);
      if (i < 3) { // the top tables come first
        assertThat(rig.table.topLevel()).isEqualTo(2);
        assertThat(rig.table.root()).isEqualTo(root);
        assertThat(rig.newTops).isZero();
        assertThat(memory.allocatedPages()).isEqualTo(pages);
      } else {
        assertThat(rig.table.topLevel()).isEqualTo(5);
        assertThat(rig.newTops).as("the hardware is told once").isEqualTo(1);
        assertThat(memory.allocatedPages()).isEqualTo(pages + i);
      }
      rig.check(0x1000);
      rig.check(far);
      assertThat(rig.mapRange(far, PADDR, 0x1000, Prot.RW)).isNull();
      rig.model.add(far, PADDR, 0x1000, Prot.RW);
      rig.check(0x1000);
      rig.check(far);
      rig.tearDown();
    }
  }
}
