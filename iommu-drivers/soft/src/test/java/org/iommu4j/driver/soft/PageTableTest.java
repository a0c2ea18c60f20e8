package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.driver.soft.Refusals.assertMapFailed;
import static org.iommu4j.driver.soft.Refusals.assertMapped;

import java.util.BitSet;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.memory.HeapMemory;
import org.junit.jupiter.api.Test;

class PageTableTest {
  private static final long K4 = 0x1000;
  private static final long M2 = 0x20_0000;
  private static final long G1 = 0x4000_0000;
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;
  private static final long LIVE_1 = 1L << 52;

  private final HeapMemory memory = HeapMemory.ofSize(1L << 32);
  private final PageTable table = new PageTable(memory, false);
  private final IotlbGather gather = new IotlbGather();

  private long word(long page, int index) {
    return memory.read(page + 8L * index);
  }

  private static long next(long entry) {
    return entry & ADDRESS;
  }

  @Test
  void aSmallPageTakesAWordInEachLevel() {
    // Indices 1, 2, 3, 4.
    long iova = 1L << 39 | 2L << 30 | 3L << 21 | 4L << 12;
    assertMapped(1, table.map(iova, 0x7_5000, K4, 1, Prot.RW));

    long level3 = word(table.root(), 1);
    assertThat(level3).isEqualTo(LIVE_1 | next(level3) | 1);
    long level2 = word(next(level3), 2);
    assertThat(level2).isEqualTo(LIVE_1 | next(level2) | 1);
    long level1 = word(next(level2), 3);
    assertThat(level1).isEqualTo(LIVE_1 | next(level1) | 1);
    assertThat(word(next(level1), 4)).isEqualTo(0x7_501fL);
    assertThat(memory.allocatedPages()).isEqualTo(4);
    assertThat(table.translate(iova | 0xabc)).isEqualTo(0x7_5abc);
  }

  @Test
  void largePagesAreLeavesOfHigherLevels() {
    assertMapped(1, table.map(M2, 4 * M2, M2, 1, Prot.READ));
    assertMapped(1, table.map(G1, 3 * G1, G1, 1, Prot.WRITE));

    long level2 = next(word(table.root(), 0));
    assertThat(word(next(word(level2, 0)), 1)).isEqualTo(4 * M2 | 0x1b);
    assertThat(word(level2, 1)).isEqualTo(3 * G1 | 0x1d);
    assertThat(word(table.root(), 0)).isEqualTo(2L << 52 | level2 | 1);
    assertThat(table.translate(M2 + 0x12345)).isEqualTo(4 * M2 + 0x12345);
    assertThat(table.translate(2 * G1 - 1)).isEqualTo(4 * G1 - 1);
    assertThat(table.translate(2 * G1)).isZero();
  }

  @Test
  void onlyTablesForDirtyTrackingLeaveTheMarkToTheHardware() {
    PageTable tracking = new PageTable(memory, true);
    tracking.map(0, K4, K4, 1, Prot.RW);

    long level0 = next(word(next(word(next(word(tracking.root(), 0)), 0)), 0));
    assertThat(word(level0, 0)).isEqualTo(0x100fL);
  }

  @Test
  void oneCallCrossesTables() {
    long iova = G1 - 3 * K4;
    assertMapped(1030, table.map(iova, 0x100_0000, K4, 1030, Prot.RW));

    for (int page = 0; page < 1030; page++) {
      assertThat(table.translate(iova + page * K4)).isEqualTo(0x100_0000 + page * K4);
    }
    assertThat(table.translate(iova - K4)).isZero();
    assertThat(table.translate(iova + 1030 * K4)).isZero();
    // The root, two tables of level 1 and one of level 2, four of level 0.
    assertThat(memory.allocatedPages()).isEqualTo(8);
  }

  @Test
  void theLastPageOfTheAddressSpaceCanBeMapped() {
    long iova = PageTable.LIMIT - K4;
    assertMapped(1, table.map(iova, 0x9000, K4, 1, Prot.READ));

    assertThat(table.translate(PageTable.LIMIT - 1)).isEqualTo(0x9fff);
    assertThat(table.unmap(iova, K4, gather)).isEqualTo(K4);
    assertThat(table.translate(PageTable.LIMIT - 1)).isZero();
  }

  @Test
  void anOverlapStopsAMapAfterItsProgress() {
    table.map(5 * K4, 0x9000, K4, 1, Prot.RW);

    assertMapFailed(Errno.EEXIST, 3, table.map(2 * K4, 0x10_0000, K4, 8, Prot.RW));
    assertThat(table.translate(4 * K4)).isEqualTo(0x10_2000);
    assertThat(table.translate(5 * K4)).isEqualTo(0x9000);
    assertThat(table.translate(6 * K4)).isZero();
  }

  @Test
  void neitherALargePageFitsOverASmallOneNorTheOtherWayRound() {
    table.map(M2 + 5 * K4, 0x9000, K4, 1, Prot.RW);
    table.map(4 * M2, 4 * M2, M2, 1, Prot.RW);

    assertMapFailed(Errno.EEXIST, 1, table.map(0, 8 * M2, M2, 3, Prot.RW));
    assertMapFailed(Errno.EEXIST, 0, table.map(0, G1, G1, 1, Prot.RW));
    assertMapFailed(Errno.EEXIST, 0, table.map(4 * M2 + K4, 0x9000, K4, 1, Prot.RW));
    assertMapFailed(Errno.EEXIST, 2, table.map(4 * M2 - 2 * K4, 0x9000, K4, 4, Prot.RW));
  }

  @Test
  void aMapWithoutMemoryForItsTablesLeavesNone() {
    HeapMemory small = HeapMemory.builder().pageLimit(3).build();
    PageTable cramped = new PageTable(small, false);

    assertMapFailed(Errno.ENOMEM, 0, cramped.map(0, K4, K4, 1, Prot.RW));
    assertThat(small.allocatedPages()).isEqualTo(1);
    assertThat(small.read(cramped.root())).isZero();

    assertMapped(1, cramped.map(0, M2, M2, 1, Prot.RW));
    assertMapFailed(Errno.ENOMEM, 0, cramped.map(M2, K4, K4, 1, Prot.RW));
    assertThat(small.allocatedPages()).isEqualTo(3);
  }

  @Test
  void aMapThatRunsOutOfMemoryReportsItsProgress() {
    HeapMemory small = HeapMemory.builder().pageLimit(4).build();
    PageTable cramped = new PageTable(small, false);

    assertMapFailed(Errno.ENOMEM, 2, cramped.map(M2 - 2 * K4, K4, K4, 5, Prot.RW));
    assertThat(cramped.unmap(M2 - 2 * K4, 5 * K4, gather)).isEqualTo(2 * K4);
    assertThat(gather.freedCount()).isEqualTo(3);
  }

  @Test
  void anUnmapEndsAtAHole() {
    table.map(0, 0x10_0000, K4, 4, Prot.RW);
    table.map(6 * K4, 0x20_0000, K4, 2, Prot.RW);

    assertThat(table.unmap(K4, 8 * K4, gather)).isEqualTo(3 * K4);
    assertThat(table.unmap(K4, 8 * K4, gather)).isZero();
    assertThat(table.translate(0)).isEqualTo(0x10_0000);
    assertThat(table.translate(6 * K4)).isEqualTo(0x20_0000);
    assertThat(gather.freedCount()).isZero();
  }

  @Test
  void aLargerPageGoesWholeButOnlyFromItsBeginning() {
    table.map(2 * M2, 0x800_0000, M2, 1, Prot.RW);

    assertThat(table.unmap(2 * M2 + K4, K4, gather)).isZero();
    assertThat(table.translate(2 * M2)).isEqualTo(0x800_0000);
    assertThat(table.unmap(2 * M2, K4, gather)).isEqualTo(M2);
    assertThat(table.translate(3 * M2 - 1)).isZero();
  }

  @Test
  void smallPagesAreUnmappedInLargeSteps() {
    table.map(0, 0x1000, K4, 1024, Prot.RW);
    table.map(2 * M2, 0x800_0000, M2, 2, Prot.RW);

    assertThat(table.unmap(0, 4 * M2, gather)).isEqualTo(4 * M2);
    assertThat(memory.read(table.root())).isZero();
    assertThat(gather.freedCount()).isEqualTo(4);
  }

  @Test
  void anEmptiedTableIsUnlinkedButNotFreed() {
    table.map(0, 0x1000, K4, 2, Prot.RW);
    table.map(M2, 0x800_0000, M2, 1, Prot.RW);
    long level1 = next(word(next(word(table.root(), 0)), 0));
    long level0 = next(word(level1, 0));

    assertThat(table.unmap(0, K4, gather)).isEqualTo(K4);
    assertThat(gather.freedCount()).isZero();
    assertThat(table.unmap(K4, K4, gather)).isEqualTo(K4);
    assertThat(gather.freedCount()).isEqualTo(1);
    assertThat(gather.freed(0)).isEqualTo(level0);
    assertThat(word(level1, 0)).isZero();
    assertThat(memory.allocatedPages()).isEqualTo(4);

    // So a large page fits at once where small ones were.
    assertMapped(1, table.map(0, 0xc00_0000, M2, 1, Prot.RW));
  }

  @Test
  void aQueuedGatherLeavesTablesToTheFullFlush() {
    table.map(0, 0x1000, K4, 1, Prot.RW);
    gather.queue();

    assertThat(table.unmap(0, K4, gather)).isEqualTo(K4);
    assertThat(gather.freedCount()).isZero();
    assertThat(table.takeRetired()).hasSize(3);
    assertThat(table.takeRetired()).isEmpty();
  }

  @Test
  void manyQueuedUnmapsAreKept() {
    gather.queue();
    for (int i = 0; i < 20; i++) {
      table.map(i * M2, 0x1000, K4, 1, Prot.RW);
      table.unmap(i * M2, K4, gather);
    }

    assertThat(table.takeRetired()).hasSize(60).doesNotHaveDuplicates();
  }

  @Test
  void freeingGivesEveryTableBack() {
    IotlbGather queued = new IotlbGather();
    queued.queue();
    table.map(0, 0x1000, K4, 1030, Prot.RW);
    table.map(1L << 39, 0x1000, K4, 1, Prot.RW);
    table.map(3 * G1, 3 * G1, G1, 1, Prot.RW);
    table.unmap(1L << 39, K4, queued);

    table.free();
    assertThat(memory.allocatedPages()).isZero();
  }

  @Test
  void marksAreReportedOncePerPageAndClearedOnDemand() {
    PageTable tracking = new PageTable(memory, true);
    tracking.map(0, 0x10_0000, K4, 4, Prot.RW);
    tracking.map(M2, 0x800_0000, M2, 1, Prot.RW);
    long level1 = next(word(next(word(tracking.root(), 0)), 0));
    long level0 = next(word(level1, 0));
    memory.write(level0 + 8, memory.read(level0 + 8) | 0x10);
    memory.write(level1 + 8, memory.read(level1 + 8) | 0x10);

    BitSet kept = new BitSet();
    tracking.readDirty(0, 2 * M2, false, new DirtyBitmap(0, 12, kept, null));
    BitSet part = new BitSet();
    tracking.readDirty(0, 2 * K4, true, new DirtyBitmap(0, 12, part, gather));
    BitSet rest = new BitSet();
    tracking.readDirty(K4, 2 * M2, true, new DirtyBitmap(K4, 12, rest, null));
    BitSet nothing = new BitSet();
    tracking.readDirty(0, PageTable.LIMIT, true, new DirtyBitmap(0, 12, nothing, null));

    assertThat(kept.get(1)).isTrue();
    assertThat(kept.get(512, 1024).cardinality()).isEqualTo(512);
    assertThat(kept.cardinality()).isEqualTo(513);
    assertThat(part.cardinality()).isEqualTo(1);
    assertThat(gather.start()).isEqualTo(K4);
    assertThat(gather.end()).isEqualTo(2 * K4 - 1);
    assertThat(rest.nextSetBit(0)).isEqualTo(511);
    assertThat(rest.cardinality()).isEqualTo(512);
    assertThat(nothing.isEmpty()).isTrue();
  }
}
