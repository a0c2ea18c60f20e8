package org.iommu4j.tests.pgtable;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.PageTableOwner;
import org.iommu4j.pgtable.RadixPageTable;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;
import org.iommu4j.testkit.WalkedPage;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two writers whose ranges share leaf tables, and a walker that runs freely. The writers never free
 * tables, so whatever the walker meets is a table or a leaf of one of them.
 */
class TableSoakTest {
  private static final int ROUNDS = 2_000;
  private static final long TARGET = 1L << 32;

  /** Tables that go away wait until the end: the walker is hardware nobody has invalidated. */
  private static final class Late implements PageTableOwner {
    @Override
    public void invalidate(IotlbGather gather) {}

    @Override
    public void changeTop(long root, int level) {}
  }

  static Stream<Arguments> tablesAndMemories() {
    return Stream.of(
            GenericTables.AMD_FULL,
            GenericTables.VTD_48,
            GenericTables.VTD_48_NO_SNOOP,
            GenericTables.X86_47,
            GenericTables.SV57)
        .flatMap(kind -> Stream.of(TableMemory.values()).map(where -> Arguments.of(kind, where)));
  }

  // PTG-014, PTG-019
  @ParameterizedTest
  @MethodSource("tablesAndMemories")
  @Timeout(60)
  void writersOnDisjointRangesAndAWalker(GenericTables kind, TableMemory where) throws Exception {
    PhysicalMemory memory = where.create(0, 1L << 26, Integer.MAX_VALUE);
    var table = new RadixPageTable(kind.format(), memory, new Late());
    table.restrictPageSizes(table.pageSizes() & 0x11000);
    HardwareWalker walker = kind.walker(memory, table.root(), table.topLevel());
    var stop = new AtomicBoolean();
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      Future<Long> walks = threads.submit(() -> walk(walker, stop));
      Future<Void> even = threads.submit(writer(table, 0));
      Future<Void> odd = threads.submit(writer(table, 1));
      even.get();
      odd.get();
      stop.set(true);
      assertThat(walks.get()).isPositive();
    } finally {
      stop.set(true);
      threads.shutdown();
      assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  /** Maps, looks and unmaps every other 64 KiB across the border of two tables. */
  private static Callable<Void> writer(RadixPageTable table, int which) {
    return () -> {
      var gather = new IotlbGather();
      for (int round = 0; round < ROUNDS; round++) {
        long iova = (1L << 30) + (((round % 64) * 2L + which) << 16) - (1L << 22);
        long size = 0x1000L << (round % 5);
        assertThat(table.map(iova, TARGET + iova, size, Prot.RW))
            .isEqualTo(MapResult.mapped(size >>> 12));
        assertThat(table.translate(iova + size - 1)).isEqualTo(TARGET + iova + size - 1);
        gather.init();
        assertThat(table.unmap(iova, size, gather)).isEqualTo(size);
        assertThat(table.translate(iova)).isZero();
        assertThat(gather.freedCount()).isZero();
      }
      return null;
    };
  }

  /** What is found is what belongs there, never half of an entry. */
  private static long walk(HardwareWalker walker, AtomicBoolean stop) {
    long walks = 0;
    long iova = (1L << 30) - (1L << 22);
    while (!stop.get()) {
      WalkedPage page = walker.walk(iova);
      if (page != null) {
        assertThat(page.paddr()).isEqualTo(TARGET + iova);
      }
      iova = (1L << 30) - (1L << 22) + ((iova + 0x3000) & 0x7f_ffff);
      walks++;
    }
    return walks;
  }
}
