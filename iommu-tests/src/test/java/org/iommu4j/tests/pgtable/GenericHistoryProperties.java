package org.iommu4j.tests.pgtable;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.Tuple;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Prot;
import org.iommu4j.spi.MapResult;

/**
 * Whatever is mapped and unmapped, the table, the hardware and a plain map agree. Every history is
 * done with every configuration in every memory.
 */
class GenericHistoryProperties {
  private static final int OPERATIONS = 100;
  private static final long PAGE = 0x1000;

  /** One call; the numbers are made to fit the table it is made on. */
  record Step(boolean map, int area, int page, long pages, int target, int prot) {}

  // PTG-005 to PTG-007, PTG-012, PTG-014, PTG-017 to PTG-020, PTG-023, PTG-024
  @Property(shrinking = ShrinkingMode.BOUNDED)
  void tableHardwareAndModelAgree(@ForAll("histories") List<Step> history) {
    for (TableMemory where : TableMemory.values()) {
      for (GenericTables kind : GenericTables.values()) {
        where.naming(kind, () -> run(kind, where, history));
      }
    }
  }

  private static void run(GenericTables kind, TableMemory where, List<Step> history) {
    var rig = new GenericRig(kind, GenericRig.sharedMemory(where));
    for (Step step : history) {
      long iova = base(kind, step.area()) + step.page() * PAGE;
      long size = step.pages() * PAGE;
      if (step.map()) {
        map(rig, iova, target(iova, step.target()), size, step.prot());
      } else {
        // PTG-024: a range that passes the reach of a growing table as it is now is no range
        long expected = rig.reaches(iova + size - 1) ? rig.model.unmap(iova, size) : 0;
        assertThat(rig.unmap(iova, size)).as("unmap 0x%x+0x%x", iova, size).isEqualTo(expected);
      }
      rig.checkAround(iova, size);
    }
    rig.checkAll();
    rig.tearDown();
  }

  private static void map(GenericRig rig, long iova, long paddr, long size, int prot) {
    long result = rig.map(iova, paddr, size, prot);
    long expected = rig.model.map(rig.table.pageSizes(), iova, paddr, size, prot);
    assertThat(MapResult.pages(result) * PAGE).as("bytes mapped").isEqualTo(expected);
    assertThat(MapResult.isFailure(result)).isEqualTo(expected != size);
    if (expected != size) {
      assertThat(MapResult.errno(result)).isEqualTo(Errno.EADDRINUSE);
      rig.model.unmap(iova, expected);
    }
  }

  /** Places where tables of all levels meet, and the ends of what can be mapped. */
  private static long base(GenericTables kind, int area) {
    int bits = kind.format().config().inputBits();
    boolean canonical =
        kind.name().startsWith("SV")
            || kind == GenericTables.X86_48
            || kind == GenericTables.X86_57;
    int half = canonical ? bits - 1 : bits;
    return switch (area) {
      case 0 -> 1L << 21;
      case 1 -> (1L << 30) - (1L << 21);
      case 2 -> half > 40 ? (1L << 39) - (1L << 21) : 1L << 24;
      case 3 -> half > 50 ? 1L << 48 : 1L << 25;
      case 4 -> canonical ? -1L << half : 1L << 26;
      default -> half == 64 ? -1L << 32 : (1L << half) - (1L << 31);
    };
  }

  private static long target(long iova, int target) {
    long congruent = (iova & ((1L << 30) - 1)) + (((target & 3L) + 1) << 30);
    return target < 4 ? congruent : congruent + target * PAGE;
  }

  @Provide
  Arbitrary<List<Step>> histories() {
    Arbitrary<Integer> page =
        Arbitraries.frequencyOf(
            Tuple.of(3, Arbitraries.integers().between(0, 40)),
            Tuple.of(1, Arbitraries.of(0, 16, 256, 496, 512, 1008, 1024)));
    Arbitrary<Long> pages =
        Arbitraries.frequency(
            Tuple.of(6, 1L),
            Tuple.of(3, 2L),
            Tuple.of(3, 5L),
            Tuple.of(3, 16L),
            Tuple.of(2, 32L),
            Tuple.of(2, 48L),
            Tuple.of(1, 512L),
            Tuple.of(1, 1024L));
    return Combinators.combine(
            Arbitraries.of(true, true, false),
            Arbitraries.integers().between(0, 5),
            page,
            pages,
            Arbitraries.of(0, 0, 1, 4, 16, 17),
            Arbitraries.of(Prot.RW, Prot.READ, Prot.WRITE))
        .as(Step::new)
        .list()
        .ofSize(OPERATIONS);
  }
}
