package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.driver.soft.Refusals.assertRefused;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.Fwspec;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuDriverProvider;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.StaticDomain;
import org.junit.jupiter.api.Test;

class SoftIommuTest {
  private final FakeHardware hardware = new FakeHardware();
  private final IommuDevice instance = SoftIommu.on(hardware);
  private final SoftIommu iommu = (SoftIommu) instance.ops();
  private final PlatformDevice uart = PlatformDevice.builder("uart").build();

  @Test
  void itIsFoundAsAService() {
    IommuDriverProvider provider =
        ServiceLoader.load(IommuDriverProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(found -> found.name().equals("soft"))
            .findFirst()
            .orElseThrow();

    assertThat(provider.open(new FakeHardware()).ops()).isInstanceOf(SoftIommu.class);
  }

  @Test
  void anInstanceDescribesItself() {
    FirmwareNode node = new FirmwareNode("iommu@1000");

    assertThat(instance.name()).isEqualTo("fake0");
    assertThat(instance).hasToString("fake0");
    assertThat(instance.maxPasids()).isEqualTo(256);
    assertThat(instance.firmwareNode()).isNull();
    assertThat(SoftIommu.on(new FakeHardware(0, 5), node).firmwareNode()).isSameAs(node);
    assertThat(SoftIommu.on(new FakeHardware(0, 5)).maxPasids()).isZero();
    assertThat(iommu.name()).isEqualTo("soft");
    assertThat(hardware.allocatedPages()).isEqualTo(1);
  }

  @Test
  void theDriverDescribesItself() {
    assertThat(iommu.operations())
        .containsExactlyInAnyOrder(
            IommuOp.RELEASE_DEVICE,
            IommuOp.GET_RESV_REGIONS,
            IommuOp.CAPABLE,
            IommuOp.OF_XLATE,
            IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    assertThat(iommu.identityDomain().kind()).isEqualTo(StaticDomain.Kind.IDENTITY);
    assertThat(iommu.blockedDomain().kind()).isEqualTo(StaticDomain.Kind.BLOCKED);
    assertThat(iommu.blockedDomain()).hasToString("BLOCKED");
    assertThat(iommu.releaseDomain()).isSameAs(iommu.blockedDomain());
    assertThat(iommu.defaultDomain()).isNull();
  }

  @Test
  void aProbedDeviceIsBlocked() {
    DevIommu nic = Devices.probed(iommu, PciDevice.at("0000:01:02.3"));

    assertThat(SoftIommu.streamId(nic)).isEqualTo(0x113);
    assertThat(hardware.read(iommu.devices().entryOf(0x113))).isEqualTo(1);
    assertThat(hardware.takeEvents()).containsExactly("device 0x113");
  }

  @Test
  void theSegmentIsPartOfTheStreamId() {
    DevIommu nic = Devices.probed(iommu, PciDevice.at("0007:01:02.3"));
    PciDevice far = PciDevice.at("00ff:01:00.0");

    assertThat(SoftIommu.streamId(nic)).isEqualTo(0x7_0113);
    assertRefused(Errno.ENODEV, () -> iommu.probeDevice(Devices.of(far, null)));
  }

  @Test
  void otherDevicesUseTheirFirstFirmwareId() {
    Fwspec fwspec = new Fwspec(new FirmwareNode("iommu"), List.of(0x4242, 7), false);
    DevIommu device = Devices.of(uart, fwspec);
    iommu.probeDevice(device);

    assertThat(SoftIommu.streamId(device)).isEqualTo(0x4242);
    Fwspec bad = new Fwspec(new FirmwareNode("iommu"), List.of(0x100_0000), false);
    assertRefused(Errno.EINVAL, () -> iommu.probeDevice(Devices.of(uart, bad)));
  }

  @Test
  void devicesWithoutIdsGetNumbers() {
    Fwspec empty = new Fwspec(new FirmwareNode("iommu"), List.of(), false);
    DevIommu first = Devices.of(uart, empty);
    iommu.probeDevice(first);
    DevIommu second = Devices.probed(iommu, uart);

    assertThat(SoftIommu.streamId(first)).isEqualTo(0xff_0000);
    assertThat(SoftIommu.streamId(second)).isEqualTo(0xff_0001);
  }

  @Test
  void twoDevicesCannotShareAStreamId() {
    PciBus bus = PciBus.root(0, 1);
    Devices.probed(iommu, PciDevice.builder("a", bus, 0, 0).build());

    DevIommu twin = Devices.of(PciDevice.builder("b", bus, 0, 0).build(), null);
    assertRefused(Errno.EEXIST, () -> iommu.probeDevice(twin));
    assertRefused(Errno.EINVAL, () -> SoftIommu.streamId(twin));
  }

  @Test
  void releaseGivesEverythingBackAfterACommand() {
    long baseline = hardware.allocatedPages();
    PciDevice device = PciDevice.builder("0000:01:00.0").pasidLimit(1 << 20).build();
    DevIommu nic = Devices.probed(iommu, device);
    assertThat(hardware.allocatedPages()).isEqualTo(baseline + 3);
    iommu.releaseDomain().attachDev(mock(PagingDomain.class), nic, null);
    hardware.takeEvents();

    iommu.releaseDevice(nic);
    assertThat(hardware.takeEvents()).hasSize(4).first().isEqualTo("device 0x100");
    assertThat(hardware.allocatedPages()).isEqualTo(baseline);
    assertThat(SoftIommu.streamId(Devices.probed(iommu, device))).isEqualTo(0x100);
  }

  @Test
  void aProbeWithoutMemoryLeavesNothing() {
    FakeHardware small = new FakeHardware(FakeHardware.CAPABILITY_PASIDS, 3);
    SoftIommu cramped = (SoftIommu) SoftIommu.on(small).ops();
    PciDevice device = PciDevice.builder("0000:01:00.0").pasidLimit(4).build();

    assertRefused(Errno.ENOMEM, () -> cramped.probeDevice(Devices.of(device, null)));
    assertThat(small.allocatedPages()).isEqualTo(1);
    Devices.probed(cramped, PciDevice.at("0000:01:00.0"));
  }

  @Test
  void capabilities() {
    DevIommu nic = Devices.probed(iommu, PciDevice.at("0000:01:00.0"));

    assertThat(iommu.capable(nic, Capability.CACHE_COHERENCY)).isTrue();
    assertThat(iommu.capable(nic, Capability.DEFERRED_FLUSH)).isTrue();
    assertThat(iommu.capable(nic, Capability.DIRTY_TRACKING)).isTrue();
    assertThat(iommu.capable(nic, Capability.NOEXEC)).isFalse();
    assertThat(SoftIommu.on(new FakeHardware(0, 5)).ops().capable(nic, Capability.DIRTY_TRACKING))
        .isFalse();
  }

  @Test
  void wishesThatTheHardwareCannotMeetAreRefused() {
    DevIommu nic = Devices.probed(iommu, PciDevice.at("0000:01:00.0"));
    SoftIommu plain = (SoftIommu) SoftIommu.on(new FakeHardware(0, 5)).ops();

    assertThat(iommu.domainAllocPagingFlags(nic, Set.of(AllocFlag.values())).dirtyOps())
        .isNotNull();
    assertRefused(
        Errno.EOPNOTSUPP, () -> plain.domainAllocPagingFlags(nic, Set.of(AllocFlag.DIRTY)));
    assertRefused(
        Errno.EOPNOTSUPP, () -> plain.domainAllocPagingFlags(nic, Set.of(AllocFlag.PASID)));
    assertThat(plain.domainAllocPagingFlags(nic, Set.of()).dirtyOps()).isNull();
  }

  @Test
  void interruptsAreReserved() {
    List<ResvRegion> regions = new ArrayList<>();
    iommu.resvRegions(Devices.of(uart, null), regions);

    assertThat(regions).hasSize(1);
    assertThat(regions.get(0).start()).isEqualTo(0xfee0_0000L);
    assertThat(regions.get(0).last()).isEqualTo(0xfeef_ffffL);
    assertThat(regions.get(0).type()).isEqualTo(ResvType.MSI);
  }

  @Test
  void groupsFollowTheBus() {
    DeviceGroups groups = mock(DeviceGroups.class);
    IommuGroup pci = mock(IommuGroup.class);
    IommuGroup generic = mock(IommuGroup.class);
    when(groups.pci()).thenReturn(pci);
    when(groups.generic()).thenReturn(generic);

    assertThat(iommu.deviceGroup(Devices.of(PciDevice.at("00:00.0"), null), groups)).isSameAs(pci);
    assertThat(iommu.deviceGroup(Devices.of(uart, null), groups)).isSameAs(generic);
  }

  @Test
  void firmwareIdsAreTakenOver() {
    DevIommu device = Devices.of(uart, null);
    iommu.ofXlate(device, new IommuSpecifier(new FirmwareNode("iommu"), List.of(3, 4)));

    verify(device).addFwspecIds(List.of(3, 4));
  }

  @Test
  void theInterruptEmptiesTheFaultQueue() {
    hardware.faults.add(new long[] {1L << 63 | 7L << 56 | 0x100, 0xdead_b000L});
    hardware.faults.add(new long[] {1L << 63 | 1L << 62 | 8L << 56 | 5L << 24 | 0x100, 0x1000});
    hardware.registers.put(0x18L, 8L);

    hardware.handler.run();
    assertThat(hardware.faults).isEmpty();
    assertThat(hardware.read64(0x18) & 8).isZero();
  }

  @Test
  void faultRecordsAreReadable() {
    assertThat(FaultLog.describe(1L << 63 | 7L << 56 | 0x7_0113, 0xdead_b000L))
        .isEqualTo("read of 0xdeadb000 by stream 0x70113, PASID 0x0 refused: not mapped");
    assertThat(FaultLog.describe(1L << 62 | 8L << 56 | 0x2aL << 24 | 0x100, -1))
        .isEqualTo(
            "write of 0xffffffffffffffff by stream 0x100, PASID 0x2a refused: not permitted");
    assertThat(FaultLog.describe(15L << 56, 0)).endsWith("refused: reason 15");
  }
}
