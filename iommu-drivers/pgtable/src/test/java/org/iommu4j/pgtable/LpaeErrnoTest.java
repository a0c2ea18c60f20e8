package org.iommu4j.pgtable;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.MapResult;
import org.junit.jupiter.api.Test;

class LpaeErrnoTest implements LpaeOwner {
  private static final long K4 = 1L << 12;
  private static final long M2 = 1L << 21;

  private final HeapMemory memory = HeapMemory.builder().size(1 << 20).pageLimit(6).build();
  private final List<Long> flushed = new ArrayList<>();
  private final LpaePageTable table =
      new LpaePageTable(
          new LpaeConfig(LpaeStage.STAGE_1, 39, 40, K4 | M2 | 1L << 30, true, Set.of()),
          memory,
          this);

  @Override
  public void flushWalk(long iova, long size, long granule) {
    flushed.add(iova);
  }

  @Override
  public void addPage(IotlbGather gather, long iova, long size) {
    gather.addRange(iova, size);
  }

  private static void assertFailure(long result, Errno errno) {
    assertThat(MapResult.isFailure(result)).isTrue();
    assertThat(MapResult.errno(result)).isEqualTo(errno);
    assertThat(MapResult.pages(result)).isZero();
  }

  // PTL-012
  @Test
  void errorsComeInOrder() {
    assertFailure(table.map(1L << 39, 0, 1L << 14, 1, 0), Errno.EINVAL);
    assertFailure(table.map(1L << 39, 0, K4, 1, 0), Errno.ERANGE);
    assertFailure(table.map(0, 1L << 40, K4, 1, 0), Errno.ERANGE);
    assertFailure(table.map(0, 0, K4, 1, Prot.NOEXEC), Errno.EINVAL);
    assertThat(table.map(0, 0, M2, 1, Prot.RW)).isEqualTo(MapResult.mapped(1));
    assertFailure(table.map(0, 0, K4, 1, Prot.RW), Errno.EEXIST);
    assertFailure(table.map(0, 0, M2, 1, Prot.RW), Errno.EEXIST);
  }

  // PTL-012: nothing of a call that meets a leaf is mapped, and a call ends with its table
  @Test
  void oneCallFillsOneTable() {
    assertThat(table.map(508 * K4, 0, K4, 16, Prot.RW)).isEqualTo(MapResult.mapped(4));
    assertFailure(table.map(500 * K4, 0, K4, 12, Prot.RW), Errno.EEXIST);
    assertThat(table.translate(500 * K4 + 1)).isZero();
  }

  // PTL-012, fault injection: six pages are root, four tables and one more
  @Test
  void noMemoryLeavesNothingMapped() {
    table.map(0, 0, K4, 1, Prot.RW);
    table.map(M2, 0, K4, 1, Prot.RW);
    table.map(2 * M2, 0, K4, 1, Prot.RW);
    assertThat(memory.allocatedPages()).isEqualTo(5);
    assertFailure(table.map(1L << 30, 0, K4, 1, Prot.RW), Errno.ENOMEM);
    assertThat(table.translate(1L << 30)).isZero();
    table.free();
    assertThat(memory.allocatedPages()).isZero();
  }

  // PTL-013, PTL-016
  @Test
  void aBlockReplacesATableAndABlockUnmapTakesOneAway() {
    table.map(M2, 0x5000, K4, 1, Prot.RW);
    assertThat(table.map(M2, M2, M2, 1, Prot.RW)).isEqualTo(MapResult.mapped(1));
    assertThat(flushed).containsExactly(M2);
    assertThat(memory.allocatedPages()).isEqualTo(2);
    table.map(0, 0x5000, K4, 1, Prot.RW);
    var gather = new IotlbGather();
    assertThat(table.unmap(0, M2, 2, gather)).isEqualTo(2 * M2);
    assertThat(flushed).containsExactly(M2, 0L);
    assertThat(memory.allocatedPages()).isEqualTo(2);
    assertThat(gather.end()).isEqualTo(2 * M2 - 1);
  }

  // PTL-015
  @Test
  void unmapStopsAtHolesAndSplitsNothing() {
    var gather = new IotlbGather();
    table.map(0, 0, M2, 1, Prot.RW);
    assertThat(table.unmap(K4, K4, 1, gather)).isZero();
    table.map(M2, 0, K4, 2, Prot.RW);
    assertThat(table.unmap(M2, K4, 5, gather)).isEqualTo(2 * K4);
    assertThat(table.unmap(1L << 30, K4, 1, gather)).isZero();
    assertThat(table.unmap(0, 1L << 14, 1, gather)).isZero();
  }
}
