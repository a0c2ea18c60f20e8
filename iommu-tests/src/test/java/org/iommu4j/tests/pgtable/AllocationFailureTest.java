package org.iommu4j.tests.pgtable;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Prot;
import org.iommu4j.spi.MapResult;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Memory that runs out at any table of a map: nothing stays mapped and nothing leaks. */
class AllocationFailureTest {
  private static final long IOVA = (1L << 30) - 0x3000;
  private static final long PADDR = 0x8000_1000L;
  private static final long SIZE = 0x40_6000;

  static Stream<Arguments> tablesAndMemories() {
    return Stream.of(GenericTables.values())
        .flatMap(kind -> Stream.of(TableMemory.values()).map(where -> Arguments.of(kind, where)));
  }

  // PTG-009, PTG-011
  @ParameterizedTest
  @MethodSource("tablesAndMemories")
  void undoIsExactAtEveryTable(GenericTables kind, TableMemory where) {
    int needed = pagesNeeded(kind, where);
    assertThat(needed).isGreaterThan(4);
    for (int limit = 1; limit < needed; limit++) {
      var rig = new GenericRig(kind, where, limit);
      long result = rig.map(IOVA, PADDR, SIZE, Prot.RW);
      assertThat(MapResult.isFailure(result)).isTrue();
      assertThat(MapResult.errno(result)).isEqualTo(Errno.ENOMEM);
      assertThat(rig.holdsLeaf()).as("with %d pages", limit).isFalse();
      for (long at = IOVA; at < IOVA + SIZE; at += 0x1000) {
        rig.check(at);
      }
      rig.tearDown();
    }
  }

  private static int pagesNeeded(GenericTables kind, TableMemory where) {
    var rig = new GenericRig(kind, where);
    assertThat(MapResult.isFailure(rig.map(IOVA, PADDR, SIZE, Prot.RW))).isFalse();
    return (int) rig.memory.allocatedPages();
  }

  // PTG-023: growing the top needs tables, too; it grows by all of them or by none
  @ParameterizedTest
  @EnumSource
  void aTopThatCannotGrowStaysAsItIs(TableMemory where) {
    var rig = new GenericRig(GenericTables.AMD_GROWING, where, 4);
    assertThat(rig.map(0x1000, PADDR, 0x1000, Prot.RW)).isEqualTo(MapResult.mapped(1));
    rig.model.add(0x1000, PADDR, 0x1000, Prot.RW);
    long result = rig.map(1L << 48, PADDR, 0x1000, Prot.RW);
    assertThat(MapResult.errno(result)).isEqualTo(Errno.ENOMEM);
    assertThat(rig.table.topLevel()).isEqualTo(2);
    rig.check(0x1000);
    rig.check(1L << 48);
    rig.tearDown();
  }
}
