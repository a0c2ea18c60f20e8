package org.iommu4j.testkit.jqwik;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.Prot;
import org.junit.jupiter.api.Test;

class MappingModelTest {
  private final MappingModel model = new MappingModel();

  private static IovaRange range(long first, long size) {
    return IovaRange.ofSize(first, size);
  }

  @Test
  void findsWhatIsMapped() {
    model.map(range(0x2000, 0x2000), 0x9000, Prot.READ);
    MappingModel.Mapping mapping = model.at(0x3ff8);
    assertThat(mapping).isNotNull();
    assertThat(mapping.physicalOf(0x3ff8)).isEqualTo(0xaff8);
    assertThat(mapping.allows(FaultAccess.READ)).isTrue();
    assertThat(mapping.allows(FaultAccess.WRITE)).isFalse();
    assertThat(model.at(0x1fff)).isNull();
    assertThat(model.at(0x4000)).isNull();
    assertThat(model).hasToString("[0x2000+0x2000 -> 0x9000 r-]");
  }

  @Test
  void addressesAreUnsigned() {
    model.map(range(-0x1000, 0x1000), 0x1000, Prot.RW);
    model.map(range(0, 0x1000), 0x2000, Prot.WRITE);
    assertThat(model.mappings())
        .extracting(mapping -> mapping.range().first())
        .containsExactly(0L, -0x1000L);
    MappingModel.Mapping top = model.firstIn(new IovaRange(0x1000, -1));
    assertThat(top).isNotNull();
    assertThat(top.range().last()).isEqualTo(-1);
    assertThat(model.unmap(range(-0x1000, 0x1000))).isEqualTo(0x1000);
    assertThat(model.at(-8)).isNull();
    assertThat(model.at(8)).isNotNull();
  }

  @Test
  void refusesOverlap() {
    model.map(range(0x2000, 0x1000), 0x9000, Prot.RW);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> model.map(range(0x1000, 0x1001), 0, Prot.RW))
        .withMessage("0x1000+0x1001 overlaps 0x2000+0x1000 -> 0x9000 rw");
  }

  /** CORE-535: several contiguous map calls may go in one unmap. */
  @Test
  void unmapsContiguousMappings() {
    model.map(range(0x1000, 0x1000), 0x9000, Prot.RW);
    model.map(range(0x2000, 0x3000), 0x5000, Prot.RW);
    model.map(range(0x5000, 0x1000), 0x4000, Prot.RW);
    assertThat(model.unmap(range(0x1000, 0x4000))).isEqualTo(0x4000);
    assertThat(model.mappings()).hasSize(1);
    assertThat(model.unmap(range(0x1000, 0x4000))).isZero();
  }

  /** CORE-535: an unmap cannot split a mapping. */
  @Test
  void refusesToSplit() {
    model.map(range(0x1000, 0x2000), 0x9000, Prot.RW);
    model.map(range(0x4000, 0x1000), 0x9000, Prot.RW);
    for (IovaRange bad :
        new IovaRange[] {
          range(0x1000, 0x1000), range(0x2000, 0x1000), range(0x1000, 0x4000), range(0, 0x3000)
        }) {
      assertThatIllegalArgumentException()
          .as("%s", bad)
          .isThrownBy(() -> model.unmap(bad))
          .withMessageContaining("0x1000+0x2000");
    }
    assertThat(model.mappings()).hasSize(2);
  }
}
