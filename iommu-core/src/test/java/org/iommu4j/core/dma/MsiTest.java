package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.core.dma.DmaFixture.assertRefused;
import static org.iommu4j.core.dma.DmaFixture.device;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.junit.jupiter.api.Test;

/** MSI doorbells in default domains and in consumers' windows. */
final class MsiTest {
  private final DmaFixture fixture = new DmaFixture();
  private final DevIommu device = device();
  private final FakeDomain domain = new FakeDomain(DomainType.DMA);
  private final FakeDomain consumers = new FakeDomain(DomainType.UNMANAGED);

  @Test // CORE-468, DMA-098: one mapping per physical page, write, no-execute, MMIO
  void mapsEachDoorbellPageOnce() {
    fixture.setUp(device, domain);
    fixture.layer.prepareMsi(device, domain, 0xfee0_0040L);
    fixture.layer.prepareMsi(device, domain, 0xfee0_0fffL);
    fixture.layer.prepareMsi(device(), domain, 0xfee0_1000L);
    assertThat(domain.calls)
        .containsExactly(
            "map 0xfffffffff000 0xfee00000 0x1000 0x1a",
            "map 0xffffffffe000 0xfee01000 0x1000 0x1a");
  }

  @Test // CORE-468: the page size is the granule of a default domain
  void usesTheGranuleInADefaultDomain() {
    domain.pageSizes = 0x10000;
    fixture.setUp(device, domain);
    fixture.layer.prepareMsi(device, domain, 0x1_8040L);
    assertThat(domain.calls).containsExactly("map 0xffffffff0000 0x10000 0x10000 0x1a");
  }

  @Test // CORE-713, DMA-016: a hardware window is reachable one-to-one
  void mapsNothingInAHardwareWindow() {
    fixture.setUp(device(ResvRegion.of(0xfee0_0800L, 0xf_f000, 0, ResvType.MSI)), domain);
    fixture.layer.prepareMsi(device, domain, 0xfee0_0000L);
    fixture.layer.prepareMsi(device, domain, 0xfeef_f7ffL);
    assertThat(domain.calls).isEmpty();
    fixture.layer.prepareMsi(device, domain, 0xfef0_0000L);
    assertThat(domain.calls).hasSize(1);
  }

  @Test // CORE-464, DMA-032: upwards from the base, one CPU page each
  void takesAConsumersWindowFromTheBase() {
    fixture.layer.getMsiCookie(consumers, 0x800_0000);
    fixture.layer.prepareMsi(device, consumers, 0x9000_0040L);
    fixture.layer.prepareMsi(device, consumers, 0x9000_1040L);
    fixture.layer.prepareMsi(device, consumers, 0x9000_0080L);
    assertThat(consumers.calls)
        .containsExactly(
            "map 0x8000000 0x90000000 0x1000 0x1a", "map 0x8001000 0x90001000 0x1000 0x1a");
    assertRefused(Errno.EEXIST, () -> fixture.layer.getMsiCookie(consumers, 0));
    fixture.layer.putMsiCookie(consumers);
    assertRefused(
        Errno.EOPNOTSUPP, () -> fixture.layer.prepareMsi(device, consumers, 0x9000_0040L));
  }

  @Test // CORE-468, DMA-099: ENOMEM, nothing remembered, the address is used next time
  void reportsAnyFailureAsNoMemory() {
    fixture.setUp(device, domain);
    fixture.layer.getMsiCookie(consumers, 0x800_0000);
    domain.mapError = Errno.EBUSY;
    consumers.mapError = Errno.EBUSY;
    assertRefused(Errno.ENOMEM, () -> fixture.layer.prepareMsi(device, domain, 0x9000_0040L));
    assertRefused(Errno.ENOMEM, () -> fixture.layer.prepareMsi(device, consumers, 0x9000_0040L));
    domain.mapError = null;
    consumers.mapError = null;
    domain.calls.clear();
    consumers.calls.clear();
    fixture.layer.prepareMsi(device, domain, 0x9000_0040L);
    fixture.layer.prepareMsi(device, consumers, 0x9000_0040L);
    assertThat(domain.calls).containsExactly("map 0xfffffffff000 0x90000000 0x1000 0x1a");
    assertThat(consumers.calls).containsExactly("map 0x8000000 0x90000000 0x1000 0x1a");
  }

  @Test
  void reportsExhaustedAddresses() {
    domain.geometry = new DomainGeometry(0, 0x1fff, true);
    fixture.setUp(device, domain);
    fixture.layer.prepareMsi(device, domain, 0x9000_0000L);
    assertRefused(Errno.ENOMEM, () -> fixture.layer.prepareMsi(device, domain, 0x9000_1000L));
  }

  @Test // DMA-100
  void keepsTheOffsetInTheMessageAddress() {
    MsiPages pages = new MsiPages(consumers, 0x1000, () -> 0x800_0000L, iova -> {});
    assertThat(pages.prepare(0x9000_0040L)).isEqualTo(0x800_0040L);
    assertThat(pages.prepare(0x9000_0ffcL)).isEqualTo(0x800_0ffcL);
    pages.addWindow(ResvRegion.of(0xfee0_0000L, 0x10_0000, 0, ResvType.MSI));
    assertThat(pages.prepare(0xfee0_0040L)).isEqualTo(0xfee0_0040L);
  }

  @Test
  void needsAReadyDomain() {
    fixture.layer.getCookie(domain);
    assertRefused(Errno.ENODEV, () -> fixture.layer.prepareMsi(device, domain, 0x9000_0000L));
    fixture.layer.putCookie(domain);
    assertRefused(Errno.EOPNOTSUPP, () -> fixture.layer.prepareMsi(device, domain, 0x9000_0000L));
  }
}
