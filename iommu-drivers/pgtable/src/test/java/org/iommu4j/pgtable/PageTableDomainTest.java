package org.iommu4j.pgtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.Mockito.mock;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Prot;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.MapResult;
import org.junit.jupiter.api.Test;

class PageTableDomainTest {
  private final HeapMemory memory = HeapMemory.ofSize(1 << 20);
  private final List<String> commands = new ArrayList<>();
  private final TestDomain domain = new TestDomain();

  private final class TestDomain extends PageTableDomain {
    TestDomain() {
      super(VtdSecondStage.of(PageTableConfig.of(48, 52, 3)), memory);
    }

    @Override
    protected void invalidateRange(IotlbGather gather) {
      commands.add(String.format("0x%x..0x%x, %d in use", gather.start(), gather.end(), inUse()));
    }

    @Override
    protected void invalidateAll() {
      commands.add("all, " + inUse() + " in use");
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
}
