package org.iommu4j.testkit.jqwik;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class IovaRangeTest {
  @Test
  void reachesTheLastAddress() {
    IovaRange top = IovaRange.ofSize(-0x1000, 0x1000);
    assertThat(top.last()).isEqualTo(-1);
    assertThat(top.contains(-1)).isTrue();
    assertThat(top.contains(0)).isFalse();
    assertThat(top).hasToString("0xfffffffffffff000+0x1000");
  }

  @Test
  void mayBeAllAddresses() {
    IovaRange all = new IovaRange(0, -1);
    assertThat(all.size()).isZero();
    assertThat(all.contains(Long.MIN_VALUE)).isTrue();
    assertThat(all).hasToString("all addresses");
  }

  @Test
  void neitherEmptyNorWrapped() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> IovaRange.ofSize(0x1000, 0))
        .withMessageContaining("0x1000");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> IovaRange.ofSize(-0x1000, 0x1001))
        .withMessageContaining("0xfffffffffffff000");
  }

  @Test
  void touchingIsNotOverlapping() {
    IovaRange range = IovaRange.ofSize(0x2000, 0x2000);
    assertThat(range.overlaps(IovaRange.ofSize(0x1000, 0x1000))).isFalse();
    assertThat(range.overlaps(IovaRange.ofSize(0x4000, 0x1000))).isFalse();
    assertThat(range.overlaps(IovaRange.ofSize(0x3000, 0x9000))).isTrue();
    assertThat(range.overlaps(IovaRange.ofSize(0x1000, 0x9000))).isTrue();
    assertThat(range.overlaps(IovaRange.ofSize(0x2800, 0x8))).isTrue();
    assertThat(range.contains(IovaRange.ofSize(0x2800, 0x1800))).isTrue();
    assertThat(range.contains(IovaRange.ofSize(0x2800, 0x1801))).isFalse();
  }
}
