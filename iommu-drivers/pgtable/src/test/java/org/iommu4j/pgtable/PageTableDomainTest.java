package org.iommu4j.pgtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Prot;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.MapResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class PageTableDomainTest {
  private static final long M2 = 0x20_0000;

  private final HeapMemory memory = HeapMemory.ofSize(1 << 20);
  private final List<String> commands = new ArrayList<>();
  private Runnable duringCommand = () -> {};
  private final TestDomain domain = new TestDomain();

  private final class TestDomain extends PageTableDomain {
    TestDomain() {
      super(VtdSecondStage.of(PageTableConfig.of(48, 52, 3)), memory);
    }

    @Override
    protected void invalidateRange(IotlbGather gather) {
      commands.add(String.format("0x%x..0x%x, %d in use", gather.start(), gather.end(), inUse()));
      duringCommand.run();
    }

    @Override
    protected void invalidateAll() {
      commands.add("all, " + inUse() + " in use");
      duringCommand.run();
    }

    void clearDirty(long iova, long size, BitSet bits) {
      readAndClearDirty(iova, size, false, new DirtyBitmap(iova, 12, bits, null));
    }

    private long inUse() {
      return memory.allocatedPages();
    }
  }

  // PTG-019, PTG-020, CORE-547: a table is free only after the invalidation
  @Test
  void tablesAreFreedAfterTheInvalidation() {
    domain.table().restrictPageSizes(0x1000);
    assertThat(domain.mapRange(0x20_0000, 0, 0x20_0000, Prot.RW)).isEqualTo(MapResult.mapped(512));
    var gather = new IotlbGather();
    assertThat(domain.unmapRange(0x20_0000, 0x20_0000, gather)).isEqualTo(0x20_0000);
    assertThat(memory.allocatedPages()).isEqualTo(4);
    domain.iotlbSync(gather);
    assertThat(commands).containsExactly("0x200000..0x3fffff, 4 in use");
    assertThat(memory.allocatedPages()).isEqualTo(3);
  }

  // PTG-012, PTG-013: even in lazy mode, before the map returns
  @Test
  void replacedTablesAreInvalidatedAtOnce() {
    domain.mapRange(0x20_0000, 0, 0x1000, Prot.RW);
    domain.unmapRange(0x20_0000, 0x1000, new IotlbGather());
    domain.mapRange(0x20_0000, 0, 0x20_0000, Prot.RW);
    assertThat(commands).containsExactly("0x200000..0x3fffff, 4 in use");
    assertThat(memory.allocatedPages()).isEqualTo(3);
  }

  // PTG-027
  @Test
  void freeingForgetsFirst() {
    domain.mapRange(0, 0, 0x1000, Prot.RW);
    domain.free(mock(PagingDomain.class));
    assertThat(commands).containsExactly("all, 4 in use");
    assertThat(memory.allocatedPages()).isZero();
  }

  @Test
  void progressIsCountedInTheSmallestPage() {
    domain.table().restrictPageSizes(1L << 21);
    assertThat(domain.mapRange(0, 0, 0x60_0000, Prot.RW)).isEqualTo(MapResult.mapped(3));
    long result = domain.mapRange(0x60_0000, 0, 0x20_1000, Prot.RW);
    assertThat(MapResult.pages(result)).isEqualTo(1);
    assertThat(domain.iovaToPhys(0x60_0123)).isEqualTo(0x123);
  }

  /** Maps 2 MiB of small pages and unmaps them for a full flush to come; one table is unlinked. */
  private void unmapLazily(long iova) {
    domain.table().restrictPageSizes(0x1000);
    domain.mapRange(iova, 0, M2, Prot.RW);
    var gather = new IotlbGather();
    gather.queue();
    assertThat(domain.unmapRange(iova, M2, gather)).isEqualTo(M2);
    assertThat(gather.freedCount()).isZero();
    domain.iotlbSync(gather);
    assertThat(commands).isEmpty();
  }

  // CORE-546, CORE-547, FQ-017
  @Test
  void tablesOfQueuedUnmapsAreFreedByTheNextFullFlush() {
    unmapLazily(0);
    unmapLazily(M2);
    domain.flushIotlbAll();
    assertThat(commands).containsExactly("all, 5 in use");
    assertThat(memory.allocatedPages()).isEqualTo(3);
  }

  // FQ-005, FQ-017: a flush under way may have passed the walk that is in the table
  @Test
  void aFlushDoesNotFreeWhatWasUnlinkedAfterItBegan() {
    unmapLazily(0);
    duringCommand =
        () -> {
          duringCommand = () -> {};
          commands.clear();
          unmapLazily(M2);
        };
    domain.flushIotlbAll();
    assertThat(memory.allocatedPages()).isEqualTo(4);
    domain.flushIotlbAll();
    assertThat(memory.allocatedPages()).isEqualTo(3);
  }

  // FQ-017
  @Test
  void whatAFailedInvalidationShouldHaveFreedWaitsForAFlush() {
    duringCommand =
        () -> {
          throw new IommuException(Errno.ETIMEDOUT, "hung");
        };
    unmapLazily(0);
    assertThatThrownBy(domain::flushIotlbAll).isInstanceOf(IommuException.class);
    domain.mapRange(M2, 0, M2, Prot.RW);
    var gather = new IotlbGather();
    domain.unmapRange(M2, M2, gather);
    assertThatThrownBy(() -> domain.iotlbSync(gather)).isInstanceOf(IommuException.class);
    assertThat(memory.allocatedPages()).isEqualTo(5);
    duringCommand = () -> {};
    domain.free(mock(PagingDomain.class));
    assertThat(memory.allocatedPages()).isZero();
  }

  @Test
  void nothingIsInvalidatedWhereNothingWasMapped() {
    var gather = new IotlbGather();
    assertThat(domain.unmapRange(0x5000, 0x1000, gather)).isZero();
    domain.iotlbSync(gather);
    assertThat(commands).isEmpty();
  }

  // PTG-010 is what the table does
  @Test
  void theLastPhysicalAddressMustFit() {
    long limit = 1L << 52;
    assertThat(domain.mapRange(0, limit - 0x1000, 0x2000, Prot.RW))
        .isEqualTo(MapResult.failed(0, Errno.ERANGE));
    assertThat(domain.mapRange(0, 0, -0x1000, Prot.RW))
        .isEqualTo(MapResult.failed(0, Errno.ERANGE));
    assertThat(domain.mapRange(0, -0x1000, 0x2000, Prot.RW))
        .isEqualTo(MapResult.failed(0, Errno.ERANGE));
    assertThat(memory.allocatedPages()).isEqualTo(1);
    assertThat(domain.mapRange(0, limit - 0x1000, 0x1000, Prot.RW)).isEqualTo(MapResult.mapped(1));
  }

  /** A walk for dirty pages is in a table that another thread unmaps: it stays until the end. */
  @Test
  @Timeout(60)
  void tablesAreNotFreedUnderAWalkForDirtyPages() throws Exception {
    domain.table().restrictPageSizes(0x1000);
    domain.mapRange(0, 0, M2, Prot.RW);
    long used = memory.allocatedPages();
    Thread other =
        new Thread(
            () -> {
              var gather = new IotlbGather();
              domain.unmapRange(0, M2, gather);
              domain.iotlbSync(gather);
            });
    markFirstLeaf();
    domain.clearDirty(
        0, M2, new DuringWalk(() -> assertThat(usedOnceStuck(other)).isEqualTo(used)));
    other.join();
    assertThat(memory.allocatedPages()).isEqualTo(used - 1);
  }

  private void markFirstLeaf() {
    domain
        .table()
        .visit(
            (level, table, index, entry, child) -> {
              if (level == 0 && index == 0) {
                memory.write(table, entry | domain.table().format().dirtyMask());
              }
            });
  }

  /** Runs something when the walk reports a page. */
  private static final class DuringWalk extends BitSet {
    private static final long serialVersionUID = 1;
    private final transient Runnable action;

    DuringWalk(Runnable action) {
      this.action = action;
    }

    @Override
    public void set(int from, int to) {
      action.run();
    }
  }

  /** Starts a thread, and counts pages when it waits for a lock or has ended. */
  private long usedOnceStuck(Thread thread) {
    thread.start();
    while (thread.getState() != Thread.State.BLOCKED
        && thread.getState() != Thread.State.TERMINATED) {
      Thread.onSpinWait();
    }
    return memory.allocatedPages();
  }
}
