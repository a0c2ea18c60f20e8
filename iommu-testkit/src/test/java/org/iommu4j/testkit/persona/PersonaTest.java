package org.iommu4j.testkit.persona;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import java.util.Objects;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Capability;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaBuild;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.core.IommuCore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What each driver answers, by the sections of the rules about personas. */
class PersonaTest {
  private final FirmwareNode node = new FirmwareNode("iommu");
  private final PciBus root = PciBus.root(0, 0);
  private final PciDevice nic = behind(PciDevice.builder(root, 2, 0));
  private IommuCore core = IommuCore.builder().build();

  private PciDevice behind(PciDevice.Builder builder) {
    return builder.iommu(IommuSpecifier.of(node)).build();
  }

  @AfterEach
  void close() {
    core.closeForced();
  }

  private IommuGroup start(Persona persona, BootParameters boot, Device... devices) {
    core.closeForced();
    core = IommuCore.builder().bootParameters(boot).build();
    for (Device device : devices) {
      core.addDevice(device);
    }
    persona.start(core);
    return core.deviceOf(devices[0]).orElseThrow().group();
  }

  private IommuGroup start(Persona persona, Device... devices) {
    return start(persona, BootParameters.NONE, devices);
  }

  private static void assertRefused(Errno errno, Runnable action) {
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(action::run)
        .satisfies(refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  private static List<String> text(List<ResvRegion> regions) {
    return regions.stream().map(ResvRegion::toString).toList();
  }

  // 2.1, P-02
  @Test
  void vtdWithoutPassThroughForcesStrictDma() {
    Persona persona = VtdPersona.builder().ecap(0xf00f0eL).build();
    IommuGroup group = start(persona, BootParameters.NONE.withPassthrough("1"), nic);
    assertThat(group.typeText()).isEqualTo("DMA");
    assertRefused(Errno.EINVAL, () -> group.writeType("identity", Caller.ROOT));
    group.writeType("DMA-FQ", Caller.ROOT);
    assertRefused(Errno.EINVAL, () -> group.writeType("DMA-FQ", Caller.ROOT));
    group.writeType("auto", Caller.ROOT);
    assertThat(group.typeText()).isEqualTo("DMA");
  }

  // 2.2, P-03
  @Test
  void vtdInCachingModeIsStrictByDefaultOnly() {
    Persona persona = VtdPersona.builder().cap(0xd2008c222f0686L).build();
    assertThat(persona.forcesStrict()).isTrue();
    IommuGroup group = start(persona, nic);
    assertThat(group.typeText()).isEqualTo("DMA");
    group.writeType("identity", Caller.ROOT);
    group.writeType("DMA-FQ", Caller.ROOT);
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
  }

  // 2.2
  @Test
  void vtdIsStrictByOptionAndLazyWithFirstStageTables() {
    assertThat(VtdPersona.builder().strict(true).build().forcesStrict()).isTrue();
    VtdPersona.Builder both = VtdPersona.builder().cap(0xd2008c222f0686L).ecap(0x880000f00f4eL);
    assertThat(both.build().forcesStrict()).isFalse();
    assertThat(both.scalableMode(false).build().forcesStrict()).isTrue();
    assertThat(start(VtdPersona.builder().build(), nic).typeText()).isEqualTo("DMA-FQ");
  }

  // 2.4, 2.5, 2.6
  @Test
  void vtdAddressesFollowTheRegisters() {
    start(VtdPersona.builder().build(), nic);
    PagingDomain second = core.allocPagingDomain(nic);
    assertThat(second.pageSizes()).isEqualTo(0x4020_1000L);
    assertThat(second.geometry().apertureEnd()).isEqualTo(0xffff_ffff_ffffL);
    assertRefused(Errno.EOPNOTSUPP, () -> core.allocPagingDomain(nic, AllocFlag.DIRTY));
    start(VtdPersona.builder().superpages(false).build(), nic);
    assertThat(core.allocPagingDomain(nic).pageSizes()).isEqualTo(0x1000);
    start(VtdPersona.builder().cap(0xd2008c22260286L).build(), nic);
    assertThat(core.allocPagingDomain(nic).geometry().apertureEnd()).isEqualTo((1L << 39) - 1);
    start(VtdPersona.builder().ecap(0x880000f00f4eL).build(), nic);
    assertThat(core.allocPagingDomain(nic).geometry().apertureEnd()).isEqualTo((1L << 47) - 1);
  }

  // 2.7, 2.9
  @Test
  void vtdReservesTheFirstMegabytesForIsaBridges() {
    PciDevice isa = PciDevice.builder(root, 0x1f, 0).pcieType(PcieType.CONVENTIONAL).build();
    PciDevice outside = PciDevice.builder(PciBus.root(0, 0x40), 0, 0).build();
    Persona persona =
        VtdPersona.builder()
            .classCodes(device -> device == isa ? 0x060100 : 0)
            .scope(device -> device != outside)
            .build();
    IommuGroup group = start(persona, isa, nic, outside);
    assertThat(text(group.reservedRegions()))
        .containsExactly(
            "0x0000000000000000 0x0000000000ffffff direct-relaxable",
            "0x00000000fee00000 0x00000000feefffff msi");
    assertThat(text(core.reservedRegions(nic)))
        .containsExactly("0x00000000fee00000 0x00000000feefffff msi");
    assertThat(core.deviceOf(outside)).isEmpty();
    assertThat(core.capable(nic, Capability.CACHE_COHERENCY)).isTrue();
    assertThat(core.capable(nic, Capability.ENFORCE_CACHE_COHERENCY)).isFalse();
  }

  // 2.10, 3.8
  @Test
  void afterACrashTheFirstAttachIsDeferred() {
    start(VtdPersona.builder().translatedAtBoot(true).build(), nic);
    assertThat(core.deviceOf(nic).orElseThrow().attachDeferred()).isTrue();
    start(AmdPersona.builder().translatedAtBoot(true).build(), nic);
    assertThat(core.deviceOf(nic).orElseThrow().attachDeferred()).isTrue();
  }

  // 3.2, 3.4, 3.6
  @Test
  void amdInAnEmulatorIsStrictAndDoesNotServeItself() {
    PciDevice itself = PciDevice.builder(root, 1, 0).ids(0x1022, 0x1419).build();
    Persona persona = AmdPersona.builder().capability(0x1f03000f).build();
    assertThat(persona.forcesStrict()).isTrue();
    IommuGroup group = start(persona, nic, itself);
    assertThat(group.typeText()).isEqualTo("DMA");
    assertThat(core.deviceOf(itself)).isEmpty();
    assertThat(text(group.reservedRegions()))
        .containsExactly(
            "0x00000000fee00000 0x00000000feefffff msi",
            "0x000000fd00000000 0x000000ffffffffff reserved");
    assertThat(AmdPersona.builder().build().forcesStrict()).isFalse();
    assertThat(AmdPersona.builder().fullFlush(true).build().forcesStrict()).isTrue();
  }

  // 3.1, 3.3
  @Test
  void amdTablesComeInTwoVersions() {
    PciDevice pasid = PciDevice.builder(root, 3, 0).pasidLimit(16).build();
    IommuGroup group = start(AmdPersona.builder().pasidDevicesUntranslated(true).build(), pasid);
    assertThat(group.typeText()).isEqualTo("identity");
    start(AmdPersona.builder().build(), nic);
    PagingDomain first = core.allocPagingDomain(nic);
    assertThat(Long.lowestOneBit(first.pageSizes())).isEqualTo(0x1000);
    assertThat(Long.highestOneBit(first.pageSizes())).isEqualTo(1L << 51);
    assertThat(first.pageSizes() & 1L << 39).isZero();
    assertThat(first.geometry().apertureEnd()).isEqualTo((1L << 48) - 1);
    start(AmdPersona.builder().version2(true, true).build(), nic);
    assertThat(core.allocPagingDomain(nic).pageSizes()).isEqualTo(0x4020_1000L);
    assertThat(core.allocPagingDomain(nic).geometry().apertureEnd()).isEqualTo((1L << 56) - 1);
    assertRefused(Errno.EOPNOTSUPP, () -> core.allocPagingDomain(nic, AllocFlag.DIRTY));
  }

  // 4.2, 4.3, 4.4
  @Test
  void smmuMapsDoorbellsBySoftware() {
    Persona persona = SmmuPersona.builder(node).build();
    IommuGroup group = start(persona, BootParameters.NONE.withBuild(false, true), nic);
    assertThat(group.typeText()).isEqualTo("DMA");
    assertThat(text(group.reservedRegions()))
        .containsExactly("0x0000000008000000 0x00000000080fffff msi");
    assertThat(core.capable(nic, Capability.DEFERRED_FLUSH)).isTrue();
    assertThat(core.allocPagingDomain(nic).geometry().apertureEnd()).isEqualTo((1L << 48) - 1);
  }

  // 4.5
  @Test
  void smmuRefusesDevicesThatShareAnId() {
    PciDevice bridge = behind(PciDevice.builder(root, 3, 0).pcieType(PcieType.PCIE_TO_PCI_BRIDGE));
    PciBus below = PciBus.below(bridge, 4);
    PciDevice first = behind(PciDevice.builder(below, 1, 0).pcieType(PcieType.CONVENTIONAL));
    PciDevice second = behind(PciDevice.builder(below, 2, 0).pcieType(PcieType.CONVENTIONAL));
    start(SmmuPersona.builder(node).build(), bridge, first, second);
    assertThat(core.deviceOf(first).orElseThrow().group())
        .isSameAs(core.deviceOf(bridge).orElseThrow().group());
    assertThat(core.deviceOf(second)).isEmpty();
    // The id is free again, and the next bind of a driver asks anew.
    core.removeDevice(first);
    core.bindDriver(second, false);
    assertThat(core.deviceOf(second)).isPresent();
    core.addDevice(first);
    assertThat(core.deviceOf(first)).isEmpty();
  }

  // 4.5: behind a conventional bridge its own id stands for everything below.
  @Test
  void smmuServesNothingBelowAConventionalBridge() {
    PciDevice bridge = behind(PciDevice.builder(root, 0x0c, 0).pcieType(PcieType.CONVENTIONAL));
    PciDevice below =
        behind(PciDevice.builder(PciBus.below(bridge, 0x0f), 1, 0).pcieType(PcieType.CONVENTIONAL));
    start(SmmuPersona.builder(node).build(), bridge, below);
    assertThat(core.deviceOf(bridge)).isPresent();
    assertThat(core.deviceOf(below)).isEmpty();
  }

  // 5.1, 5.2, 5.3
  @Test
  void riscvIsUntranslatedAndCannotBeAsked() {
    Persona persona = RiscvPersona.builder(node).build();
    BootParameters build = BootParameters.NONE.withBuild(false, true).withDma(DmaBuild.NONE);
    IommuGroup group = start(persona, build, nic);
    assertThat(group.typeText()).isEqualTo("identity");
    assertRefused(Errno.EINVAL, () -> group.writeType("DMA", Caller.ROOT));
    assertRefused(Errno.EINVAL, () -> group.writeType("DMA-FQ", Caller.ROOT));
    group.writeType("identity", Caller.ROOT);
    group.writeType("auto", Caller.ROOT);
    assertThat(group.reservedRegions()).isEmpty();
    assertThat(core.capable(nic, Capability.CACHE_COHERENCY)).isFalse();
    PagingDomain domain = core.allocPagingDomain(nic);
    assertThat(domain.geometry().apertureEnd()).isEqualTo((1L << 56) - 1);
    assertThat(domain.pageSizes()).isEqualTo(0x80_4021_1000L);
  }

  // 1, 6.5, 6.6, 6.7
  @Test
  void virtioHasNoStaticDomains() {
    IommuGroup group = start(VirtioPersona.builder(node).build(), nic);
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
    group.writeType("identity", Caller.ROOT);
    assertThat(group.typeText()).isEqualTo("identity");
    group.writeType("DMA", Caller.ROOT);
    assertThat(text(group.reservedRegions()))
        .containsExactly("0x00000000fee00000 0x00000000feefffff msi");
    group.claimDmaOwner(new DmaOwner("test"));
    assertThat(Objects.requireNonNull(group.snapshot().blockingDomain()).type())
        .isEqualTo(DomainType.UNMANAGED);
    PagingDomain domain = core.allocPagingDomain(nic);
    assertThat(domain.geometry().apertureEnd()).isEqualTo((1L << 39) - 1);
    assertThat(domain.pageSizes()).isEqualTo(-4096L);
    group.releaseDmaOwner();
    Persona silent = VirtioPersona.builder(node).endpointProperties(List.of()).build();
    assertThat(text(start(silent, nic).reservedRegions()))
        .containsExactly("0x0000000008000000 0x00000000080fffff msi");
  }

  // 6.4
  @Test
  void virtioFailsToRegisterWithAnUnknownEndpoint() {
    PciDevice bridge = behind(PciDevice.builder(root, 3, 0).pcieType(PcieType.PCIE_TO_PCI_BRIDGE));
    PciDevice below =
        behind(PciDevice.builder(PciBus.below(bridge, 4), 1, 0).pcieType(PcieType.CONVENTIONAL));
    core.addDevice(bridge);
    core.addDevice(below);
    Persona persona = VirtioPersona.builder(node).build();
    assertRefused(Errno.ENOENT, () -> persona.start(core));
    assertThat(core.groups()).isEmpty();
    assertThat(core.instances()).isEmpty();
  }

  // P-01
  @Test
  void untrustedDevicesAreStrictWithEveryDriver() {
    PciDevice external = behind(PciDevice.builder(root, 4, 0).untrusted(true));
    BootParameters passthrough = BootParameters.NONE.withPassthrough("1");
    for (Persona persona :
        List.of(
            VtdPersona.builder().build(),
            AmdPersona.builder().build(),
            SmmuPersona.builder(node).build(),
            VirtioPersona.builder(node).build())) {
      assertThat(start(persona, passthrough, external).typeText()).isEqualTo("DMA");
    }
  }

  @Test
  void mappingsAreKept() {
    start(VtdPersona.builder().build(), nic);
    PagingDomain domain = core.allocPagingDomain(nic);
    domain.map(0x20_0000, 0x4000_0000, 0x20_1000, 3);
    assertThat(domain.iovaToPhys(0x20_0123)).isEqualTo(0x4000_0123);
    assertThat(domain.iovaToPhys(0x40_0fff)).isEqualTo(0x4020_0fff);
    assertThat(domain.iovaToPhys(0x40_1000)).isZero();
    assertRefused(Errno.EADDRINUSE, () -> domain.map(0x20_0000, 0, 0x1000, 3));
    assertThat(domain.unmap(0x20_0000, 0x20_1000)).isEqualTo(0x20_1000);
    assertThat(domain.iovaToPhys(0x20_0000)).isZero();
  }
}
