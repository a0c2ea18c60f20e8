package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.mockito.Mockito.lenient;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.ResvRegion;
import org.jspecify.annotations.Nullable;

/** What the tests of the layer share: a layer in manual time, devices, refusals. */
final class DmaFixture {
  final ManualScheduler scheduler = new ManualScheduler();
  final SimpleDmaLayer layer = new SimpleDmaLayer(scheduler);

  /** A platform device that can defer flushes. */
  static DevIommu device(ResvRegion... regions) {
    return device(PlatformDevice.builder("uart0").build(), regions);
  }

  static DevIommu pciDevice() {
    return device(PciDevice.at("0000:01:00.0"));
  }

  private static DevIommu device(Device device, ResvRegion... regions) {
    DevIommu served = mock(DevIommu.class);
    lenient().when(served.device()).thenReturn(device);
    lenient().when(served.capable(Capability.DEFERRED_FLUSH)).thenReturn(true);
    lenient().when(served.reservedRegions()).thenReturn(List.of(regions));
    inGroupWith(served, null);
    return served;
  }

  /** Makes the device a member of a group with some default domain. */
  static void inGroupWith(DevIommu device, @Nullable Domain defaultDomain) {
    IommuGroup group = mock(IommuGroup.class);
    when(group.snapshot())
        .thenReturn(
            new GroupSnapshot(
                0, null, defaultDomain, defaultDomain, null, null, 0, 0, 1, Map.of(), List.of()));
    when(device.group()).thenReturn(group);
  }

  /** Sets a device up with a domain, as the core does, and returns its mapper. */
  DmaMapper setUp(DevIommu device, FakeDomain domain) {
    layer.getCookie(domain);
    layer.setupDevice(device, domain);
    return layer.mapperFor(device).orElseThrow();
  }

  /** The live switch as the core does it: the queue first, the type afterwards. */
  void switchLive(FakeDomain domain) {
    layer.startFlushQueue(domain);
    domain.type = DomainType.DMA_FQ;
  }

  static void assertRefused(Errno errno, ThrowingCallable body) {
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(body)
        .satisfies(refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }
}
