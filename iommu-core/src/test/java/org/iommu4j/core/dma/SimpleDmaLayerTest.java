package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.core.dma.DmaFixture.assertRefused;
import static org.iommu4j.core.dma.DmaFixture.device;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.inOrder;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import java.util.function.Consumer;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IdentityDomain;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Prot;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.DmaLayer.Outcome;
import org.iommu4j.spi.DomainOp;
import org.junit.jupiter.api.Test;
import org.mockito.Answers;
import org.mockito.InOrder;

/** Cookies, set-up, live switch, and which mapper a device gets. */
final class SimpleDmaLayerTest {
  private final DmaFixture fixture = new DmaFixture();
  private final DmaLayer layer = fixture.layer;
  private final FakeDomain strict = new FakeDomain(DomainType.DMA);
  private final FakeDomain lazy = new FakeDomain(DomainType.DMA_FQ);

  @Test // CORE-463, DMA-001
  void refusesASecondCookie() {
    layer.getCookie(strict);
    assertRefused(Errno.EEXIST, () -> layer.getCookie(strict));
    layer.putCookie(strict);
    layer.getCookie(strict);
  }

  @Test // DMA-006
  void needsACookie() {
    assertRefused(Errno.EINVAL, () -> layer.setupDevice(device(), strict));
    assertRefused(Errno.EINVAL, () -> layer.startFlushQueue(strict));
    layer.putCookie(strict);
  }

  @Test // CORE-181, 713: first the capability, then the regions, and only for the first device
  void asksTheFirstDeviceOnly() {
    DevIommu first = device();
    DevIommu second = device();
    layer.getCookie(lazy);
    assertThat(layer.setupDevice(first, lazy)).isEqualTo(Outcome.AS_REQUESTED);
    assertThat(layer.setupDevice(second, lazy)).isEqualTo(Outcome.AS_REQUESTED);
    InOrder order = inOrder(first);
    order.verify(first).capable(Capability.DEFERRED_FLUSH);
    order.verify(first).reservedRegions();
    verify(second, never()).capable(any());
    verify(second, never()).reservedRegions();
  }

  @Test // CORE-181: a strict domain needs no capability
  void asksAStrictDomainForRegionsOnly() {
    DevIommu first = device();
    layer.getCookie(strict);
    assertThat(layer.setupDevice(first, strict)).isEqualTo(Outcome.AS_REQUESTED);
    verify(first, never()).capable(any());
    verify(first).reservedRegions();
  }

  @Test // CORE-181, DMA-011
  void downgradesWithoutTheCapability() {
    DevIommu first = device();
    when(first.capable(Capability.DEFERRED_FLUSH)).thenReturn(false);
    layer.getCookie(lazy);
    assertThat(layer.setupDevice(first, lazy)).isEqualTo(Outcome.DOWNGRADED);
    assertThat(layer.setupDevice(device(), lazy)).isEqualTo(Outcome.DOWNGRADED);
    lazy.type = DomainType.DMA;
    assertThat(layer.setupDevice(device(), lazy)).isEqualTo(Outcome.AS_REQUESTED);
  }

  @Test // CORE-181, DMA-011: generic page tables always can
  void doesNotAskGenericPageTables() {
    lazy.operations.remove(DomainOp.MAP_PAGES);
    lazy.operations.add(DomainOp.MAP_RANGE);
    DevIommu first = device();
    layer.getCookie(lazy);
    assertThat(layer.setupDevice(first, lazy)).isEqualTo(Outcome.AS_REQUESTED);
    verify(first, never()).capable(any());
  }

  @Test // CORE-212, FQ-025 (errata): no queue without a flush of everything
  void refusesAQueueWithoutFlushAll() {
    lazy.operations.remove(DomainOp.FLUSH_IOTLB_ALL);
    layer.getCookie(lazy);
    assertThat(layer.setupDevice(device(), lazy)).isEqualTo(Outcome.DOWNGRADED);
    strict.operations.remove(DomainOp.FLUSH_IOTLB_ALL);
    fixture.setUp(device(), strict);
    assertRefused(Errno.EOPNOTSUPP, () -> layer.startFlushQueue(strict));
  }

  @Test // CORE-180, DMA-008: EFAULT, and the next device may try again
  void refusesADomainWithoutUsableAddresses() {
    strict.geometry = new DomainGeometry(1L << 50, -1L, true);
    layer.getCookie(strict);
    DevIommu device = device();
    assertRefused(Errno.EFAULT, () -> layer.setupDevice(device, strict));
    assertThat(layer.mapperFor(device)).isEmpty();
    verify(device, never()).reservedRegions();
  }

  @Test // CORE-713, CORE-180, DMA-015
  void reservesTheRegionsOfTheFirstDevice() {
    strict.geometry = new DomainGeometry(0, 0x7fff, true);
    DmaMapper mapper =
        fixture.setUp(
            device(
                ResvRegion.of(0x7000, 0x1000, Prot.RW, ResvType.DIRECT),
                ResvRegion.of(0x5800, 0x1000, 0, ResvType.RESERVED),
                ResvRegion.of(0x4000, 0x1000, Prot.RW, ResvType.DIRECT_RELAXABLE),
                ResvRegion.of(0x3000, 0x1000, 0, ResvType.SW_MSI),
                ResvRegion.of(0x2000, 0x1000, 0, ResvType.MSI),
                ResvRegion.of(0x1000, 0, 0, ResvType.RESERVED)),
            strict);
    layer.setupDevice(device(ResvRegion.of(0, 0x8000, 0, ResvType.RESERVED)), strict);
    assertThat(mapper.map(0x10_0000, 0x1000, Prot.RW)).isEqualTo(0x3000);
    assertThat(mapper.map(0x10_0000, 0x1000, Prot.RW)).isEqualTo(0x1000);
    assertRefused(Errno.ENOMEM, () -> mapper.map(0x10_0000, 0x1000, Prot.RW));
  }

  @Test // CORE-703: every region is given back, even if one cannot be
  void givesRegionsBack() {
    @SuppressWarnings("unchecked")
    Consumer<Device> broken = mock(Consumer.class);
    @SuppressWarnings("unchecked")
    Consumer<Device> good = mock(Consumer.class);
    DevIommu device =
        device(
            ResvRegion.of(0x1000, 0x1000, 0, ResvType.RESERVED).withFree(broken),
            ResvRegion.of(0x8000, 0x1000, 0, ResvType.SW_MSI).withFree(good));
    doThrow(new IllegalStateException()).when(broken).accept(any());
    fixture.setUp(device, strict);
    verify(broken).accept(device.device());
    verify(good).accept(device.device());
  }

  @Test // CORE-049, DMA-012: the first device decides the shape
  void choosesTheShapeOfTheQueue() {
    DevIommu shadow = device();
    when(shadow.shadowOnFlush()).thenReturn(true);
    DmaMapper mapper = fixture.setUp(shadow, lazy);
    mapper.unmap(mapper.map(0x1000, 0x1000, Prot.RW), 0x1000);
    fixture.scheduler.advanceMillis(999);
    assertThat(lazy.calls).doesNotContain("flush");
    fixture.scheduler.advanceMillis(1);
    assertThat(lazy.calls).contains("flush");
  }

  @Test // CORE-213, FQ-011
  void startsAQueueOnceOnly() {
    DmaMapper mapper = fixture.setUp(device(), strict);
    fixture.switchLive(strict);
    mapper.unmap(mapper.map(0x1000, 0x1000, Prot.RW), 0x1000);
    layer.startFlushQueue(strict);
    fixture.scheduler.advanceMillis(10);
    assertThat(strict.calls).contains("flush");
  }

  @Test // CORE-210, 211, FQ-012: the queue is there before the type says so, and nobody uses it yet
  void followsALiveSwitch() {
    DmaMapper mapper = fixture.setUp(device(), strict);
    long a = mapper.map(0x1000, 0x1000, Prot.RW);
    long b = mapper.map(0x2000, 0x1000, Prot.RW);
    layer.startFlushQueue(strict);
    mapper.unmap(a, 0x1000);
    assertThat(strict.hardware.access(a)).isEqualTo(-1);
    strict.type = DomainType.DMA_FQ;
    mapper.unmap(b, 0x1000);
    assertThat(strict.hardware.access(b)).isEqualTo(0x2000); // FQ-018: stale, and allowed
    assertThat(strict.calls).endsWith(String.format("unmap 0x%x 0x1000 queued", b));
    fixture.scheduler.advanceMillis(10);
    assertThat(strict.hardware.access(b)).isEqualTo(-1);
  }

  @Test // FQ-012: one look at the type per unmap
  void finishesAnUnmapAsItBegan() {
    DmaMapper mapper = fixture.setUp(device(), strict);
    long a = mapper.map(0x1000, 0x1000, Prot.RW);
    strict.duringUnmap = () -> fixture.switchLive(strict);
    mapper.unmap(a, 0x1000);
    assertThat(strict.hardware.access(a)).isEqualTo(-1);
    assertThat(fixture.scheduler.pending()).isZero();
  }

  @Test // CORE-211: a domain that no device was set up with can be switched too
  void switchesADomainWithoutDevices() {
    layer.getCookie(strict);
    fixture.switchLive(strict);
    DevIommu device = device();
    assertThat(layer.setupDevice(device, strict)).isEqualTo(Outcome.AS_REQUESTED);
    verify(device, never()).capable(any());
  }

  @Test // CORE-179
  void offersAMapperWhileTheDeviceIsSetUp() {
    DevIommu device = device();
    assertThat(layer.mapperFor(device)).isEmpty();
    DmaMapper mapper = fixture.setUp(device, strict);
    long a = mapper.map(0x1000, 0x1000, Prot.RW);
    layer.setupDevice(device, strict);
    assertThat(layer.mapperFor(device)).containsSame(mapper);
    layer.teardownDevice(device);
    layer.teardownDevice(device);
    assertThat(layer.mapperFor(device)).isEmpty();
    assertRefused(Errno.ENODEV, () -> mapper.map(0x1000, 0x1000, Prot.RW));
    mapper.unmap(a, 0x1000);
  }

  @Test // CORE-207: the old mapper ends with its domain
  void endsMappersWithTheirDomain() {
    DevIommu device = device();
    DmaMapper old = fixture.setUp(device, strict);
    long a = old.map(0x1000, 0x1000, Prot.RW);
    layer.putCookie(strict);
    assertThat(layer.mapperFor(device)).isEmpty();
    DmaMapper mapper = fixture.setUp(device, lazy);
    assertThat(mapper).isNotSameAs(old);
    assertRefused(Errno.ENODEV, () -> old.map(0x1000, 0x1000, Prot.RW));
    assertRefused(Errno.ENODEV, () -> old.unmap(a, 0x1000));
    mapper.map(0x1000, 0x1000, Prot.RW);
  }

  @Test // DMA-013: identity needs no layer
  void passesThroughForIdentity() {
    DevIommu device = device();
    DmaFixture.inGroupWith(device, mock(IdentityDomain.class));
    DmaMapper direct = layer.mapperFor(device).orElseThrow();
    assertThat(direct.map(0x1234, 0x10, Prot.RW)).isEqualTo(0x1234);
    direct.unmap(0x1234, 0x10);
    assertRefused(Errno.EINVAL, () -> direct.map(0x1234, 0, Prot.RW));
    assertRefused(Errno.EINVAL, () -> direct.map(-0x10L, 0x11, Prot.RW));
    fixture.setUp(device, strict);
    assertRefused(Errno.ENODEV, () -> direct.map(0x1234, 0x10, Prot.RW));
    layer.teardownDevice(device);
    when(device.group()).thenThrow(new IommuException(Errno.ENODEV, "gone"));
    assertRefused(Errno.ENODEV, () -> direct.map(0x1234, 0x10, Prot.RW));
  }

  @Test // CORE-548, FQ-015: no flush at the end, no table page lost, no timer left
  void freesPendingEntriesWithTheDomain() {
    DmaMapper mapper = fixture.setUp(device(), lazy);
    mapper.unmap(mapper.map(0x1000, 0x1000, Prot.RW), 0x1000);
    lazy.closing = true;
    layer.putCookie(lazy);
    layer.putCookie(lazy);
    assertThat(lazy.calls).doesNotContain("flush");
    assertThat(lazy.hardware.freeTablePages()).isEqualTo(1);
    assertThat(fixture.scheduler.pending()).isZero();
  }

  @Test
  void endsEverythingOnClose() {
    DevIommu device = device();
    DmaMapper mapper = fixture.setUp(device, lazy);
    mapper.unmap(mapper.map(0x1000, 0x1000, Prot.RW), 0x1000);
    lazy.closing = true;
    layer.close();
    layer.close();
    assertThat(fixture.scheduler.pending()).isZero();
    assertRefused(Errno.ENODEV, () -> mapper.map(0x1000, 0x1000, Prot.RW));
    assertThat(layer.mapperFor(device)).isEmpty();
  }

  @Test // CORE-548: a timer that fires all the same finds nothing to do
  void ignoresATimerAfterTheEnd() {
    Runnable[] task = {() -> {}};
    SimpleDmaLayer own =
        new SimpleDmaLayer(
            (delay, body) -> {
              task[0] = body;
              return () -> {};
            });
    own.getCookie(lazy);
    DevIommu device = device();
    own.setupDevice(device, lazy);
    DmaMapper mapper = own.mapperFor(device).orElseThrow();
    mapper.unmap(mapper.map(0x1000, 0x1000, Prot.RW), 0x1000);
    lazy.closing = true;
    own.putCookie(lazy);
    task[0].run();
    assertThat(lazy.calls).doesNotContain("flush");
  }

  @Test // the default of the interface: a stand-in has no DMA API to offer
  void offersNoMapperByDefault() {
    DmaLayer standIn = mock(DmaLayer.class, Answers.CALLS_REAL_METHODS);
    assertThat(standIn.mapperFor(device())).isEmpty();
  }
}
