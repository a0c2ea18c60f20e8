package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.core.dma.DmaFixture.assertRefused;
import static org.iommu4j.core.dma.DmaFixture.device;
import static org.iommu4j.core.dma.DmaFixture.pciDevice;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Prot;
import org.junit.jupiter.api.Test;

/** Map and unmap through a device's mapper. */
final class DmaMapperTest {
  private final DmaFixture fixture = new DmaFixture();
  private final FakeDomain strict = new FakeDomain(DomainType.DMA);
  private final FakeDomain lazy = new FakeDomain(DomainType.DMA_FQ);

  @Test // DMA-038: whole granules, and the offset is kept
  void roundsOutAndKeepsTheOffset() {
    strict.geometry = new DomainGeometry(0, 0xffff, true);
    DmaMapper mapper = fixture.setUp(device(), strict);
    long address = mapper.map(0x12_3ff8, 0x10, Prot.READ);
    assertThat(address).isEqualTo(0xeff8);
    assertThat(strict.calls).containsExactly("map 0xe000 0x123000 0x2000 0x1");
    assertThat(strict.hardware.access(address + 9)).isEqualTo(0x12_4001);
    mapper.unmap(address, 0x10);
    assertThat(strict.calls).contains("unmap 0xe000 0x2000", "sync 0xe000 0xffff");
    assertThat(strict.hardware.mappedPages()).isZero();
  }

  @Test // DMA-042, FQ-019: removed, invalidated, and only then free
  void invalidatesAtOnceInAStrictDomain() {
    strict.geometry = new DomainGeometry(0, 0x1fff, true);
    DmaMapper mapper = fixture.setUp(device(), strict);
    for (int i = 0; i < 3; i++) {
      mapper.unmap(mapper.map(0x5000, 0x1000, Prot.RW), 0x1000);
    }
    assertThat(strict.calls)
        .containsSubsequence(
            "unmap 0x1000 0x1000", "sync 0x1000 0x1fff", "map 0x1000 0x5000 0x1000 0x3");
    assertThat(strict.hardware.broken()).isEmpty();
    assertThat(fixture.scheduler.pending()).isZero();
  }

  @Test // FQ-019: the address is not free while the invalidation is under way
  void keepsTheAddressUntilTheInvalidationReturns() {
    strict.geometry = new DomainGeometry(0, 0x1fff, true);
    DmaMapper mapper = fixture.setUp(device(), strict);
    long address = mapper.map(0x5000, 0x1000, Prot.RW);
    strict.duringSync =
        () -> assertRefused(Errno.ENOMEM, () -> mapper.map(0x6000, 0x1000, Prot.RW));
    mapper.unmap(address, 0x1000);
    assertThat(mapper.map(0x6000, 0x1000, Prot.RW)).isEqualTo(address);
  }

  @Test // DMA-042, FQ-016: the address comes back only after a flush
  void queuesInALazyDomain() {
    lazy.geometry = new DomainGeometry(0, 0x1fff, true);
    DmaMapper mapper = fixture.setUp(device(), lazy);
    mapper.unmap(mapper.map(0x5000, 0x1000, Prot.RW), 0x1000);
    assertRefused(Errno.ENOMEM, () -> mapper.map(0x6000, 0x1000, Prot.RW));
    fixture.scheduler.advanceMillis(9);
    assertRefused(Errno.ENOMEM, () -> mapper.map(0x6000, 0x1000, Prot.RW));
    fixture.scheduler.advanceMillis(1);
    assertThat(mapper.map(0x6000, 0x1000, Prot.RW)).isEqualTo(0x1000);
    assertThat(lazy.hardware.broken()).isEmpty();
  }

  @Test // FQ-002, FQ-007: the 256th entry forces a flush
  void flushesAFullQueue() {
    DmaMapper mapper = fixture.setUp(device(), lazy);
    for (int i = 0; i < 255; i++) {
      mapper.unmap(mapper.map(0x5000, 0x1000, Prot.RW), 0x1000);
    }
    assertThat(lazy.calls).doesNotContain("flush");
    mapper.unmap(mapper.map(0x5000, 0x1000, Prot.RW), 0x1000);
    assertThat(lazy.calls).containsOnlyOnce("flush");
    assertThat(lazy.hardware.broken()).isEmpty();
  }

  @Test // DMA-046: Linux does not notice; here a wrong size is refused and changes nothing
  void refusesAnUnmapThatDoesNotMatch() {
    DmaMapper mapper = fixture.setUp(device(), strict);
    long address = mapper.map(0x5010, 0x20, Prot.RW);
    assertRefused(Errno.EINVAL, () -> mapper.unmap(address, 0x21));
    assertRefused(Errno.EINVAL, () -> mapper.unmap(address - 0x10, 0x20));
    assertRefused(Errno.EINVAL, () -> mapper.unmap(0x123_4000, 0x1000));
    assertThat(strict.hardware.access(address)).isEqualTo(0x5010);
    mapper.unmap(address, 0x20);
    assertRefused(Errno.EINVAL, () -> mapper.unmap(address, 0x20));
    assertThat(strict.calls).filteredOn(call -> call.startsWith("unmap")).hasSize(1);
  }

  @Test
  void refusesRangesThatAreEmptyOrWrapOrAreTooLarge() {
    DmaMapper mapper = fixture.setUp(device(), strict);
    assertRefused(Errno.EINVAL, () -> mapper.map(0x1000, 0, Prot.RW));
    assertRefused(Errno.EINVAL, () -> mapper.map(-0x1000L, 0x1001, Prot.RW));
    assertRefused(Errno.ENOMEM, () -> mapper.map(0, -1L, Prot.RW));
    assertThat(strict.calls).isEmpty();
    mapper.unmap(mapper.map(-0x1000L, 0x1000, Prot.RW), 0x1000);
  }

  @Test // DMA-040, FQ-020: a failed map gives its address back at once, in a lazy domain too
  void givesTheAddressOfAFailedMapBack() {
    lazy.geometry = new DomainGeometry(0, 0x1fff, true);
    DmaMapper mapper = fixture.setUp(device(), lazy);
    lazy.mapError = Errno.ENOSPC;
    assertRefused(Errno.ENOSPC, () -> mapper.map(0x5000, 0x1000, Prot.RW));
    lazy.mapError = null;
    assertThat(mapper.map(0x5000, 0x1000, Prot.RW)).isEqualTo(0x1000);
  }

  @Test // DMA-042: Linux warns and reuses the address
  void keepsTheAddressOfAnUnmapThatFellShort() {
    strict.geometry = new DomainGeometry(0, 0x2fff, true);
    DmaMapper mapper = fixture.setUp(device(), strict);
    long address = mapper.map(0x5000, 0x1000, Prot.RW);
    strict.unmapLess = 0x1000;
    assertRefused(Errno.EIO, () -> mapper.unmap(address, 0x1000));
    strict.unmapLess = 0;
    assertThat(mapper.map(0x6000, 0x1000, Prot.RW)).isNotEqualTo(address);
    assertRefused(Errno.ENOMEM, () -> mapper.map(0x6000, 0x1000, Prot.RW));
  }

  @Test // CORE-048, DMA-005, DMA-030
  void triesBelow4GFirstForPciDevices() {
    strict.geometry = new DomainGeometry(0xffff_e000L, 0xffff_ffff_ffffL, true);
    DevIommu nic = pciDevice();
    DmaMapper mapper = fixture.setUp(nic, strict);
    assertThat(mapper.map(0x5000, 0x2000, Prot.RW)).isEqualTo(0xffff_e000L);
    long high = mapper.map(0x5000, 0x1000, Prot.RW);
    assertThat(high).isEqualTo(0xffff_ffff_f000L);
    mapper.unmap(0xffff_e000L, 0x2000);
    assertThat(mapper.map(0x5000, 0x1000, Prot.RW)).isEqualTo(0xffff_ffff_e000L);
    fixture.layer.setupDevice(nic, strict);
    assertThat(mapper.map(0x5000, 0x1000, Prot.RW)).isEqualTo(0xffff_f000L);
  }

  @Test // CORE-186, DMA-033
  void usesTheFullRangeAtOnceIfForced() {
    SimpleDmaLayer forced = new SimpleDmaLayer(fixture.scheduler, true);
    DevIommu nic = pciDevice();
    forced.getCookie(strict);
    forced.setupDevice(nic, strict);
    assertThat(forced.mapperFor(nic).orElseThrow().map(0x5000, 0x1000, Prot.RW))
        .isEqualTo(0xffff_ffff_f000L);
  }
}
