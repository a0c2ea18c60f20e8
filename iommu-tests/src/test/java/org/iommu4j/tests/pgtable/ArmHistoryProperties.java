package org.iommu4j.tests.pgtable;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import org.iommu4j.api.Prot;

/**
 * Whatever is mapped and unmapped, the ARM table, the hardware and a plain map agree. Every history
 * is done with every configuration in every memory.
 */
class ArmHistoryProperties {
  private static final int OPERATIONS = 100;

  /** One call; the numbers are made to fit the table it is made on. */
  record Step(boolean map, int area, int size, int page, int count, int target, int prot) {}

  // PTL-001 to PTL-004, PTL-009, PTL-012 to PTL-017, PTL-019
  @Property(shrinking = ShrinkingMode.BOUNDED)
  void tableHardwareAndModelAgree(@ForAll("histories") List<Step> history) {
    for (TableMemory where : TableMemory.values()) {
      for (ArmTables kind : ArmTables.values()) {
        where.naming(kind, () -> run(kind, where, history));
      }
    }
  }

  private static void run(ArmTables kind, TableMemory where, List<Step> history) {
    var rig = new ArmRig(kind, ArmRig.sharedMemory(where));
    for (Step step : history) {
      long pageSize = nth(rig.table.pageSizes(), step.size());
      long iova = base(kind, step.area()) + step.page() * pageSize;
      if (iova + step.count() * pageSize > 1L << kind.inputBits) {
        continue;
      }
      if (step.map()) {
        long paddr = (step.target() + 1L) * pageSize + (1L << (kind.outputBits - 1));
        rig.map(iova, paddr, pageSize, step.count(), step.prot());
      } else {
        rig.unmap(iova, pageSize, step.count());
      }
      rig.check(iova);
      rig.check(iova + step.count() * pageSize - 1);
    }
    rig.checkAll();
    rig.tearDown();
  }

  /** Small pages in half of all cases. */
  private static long nth(long sizes, int n) {
    long rest = sizes;
    for (int i = 2; i < n && (rest & (rest - 1)) != 0; i++) {
      rest &= rest - 1;
    }
    return Long.lowestOneBit(rest);
  }

  private static long base(ArmTables kind, int area) {
    return switch (area) {
      case 0 -> 0;
      case 1 -> 1L << 31;
      default -> (1L << kind.inputBits) - (1L << 31);
    };
  }

  @Provide
  Arbitrary<List<Step>> histories() {
    return Combinators.combine(
            Arbitraries.of(true, true, false),
            Arbitraries.integers().between(0, 2),
            Arbitraries.integers().between(0, 4),
            Arbitraries.of(0, 1, 2, 3, 4, 510, 2046),
            Arbitraries.of(1, 1, 2, 3, 16),
            Arbitraries.integers().between(0, 40),
            Arbitraries.of(Prot.RW, Prot.READ, Prot.WRITE))
        .as(Step::new)
        .list()
        .ofSize(OPERATIONS);
  }
}
