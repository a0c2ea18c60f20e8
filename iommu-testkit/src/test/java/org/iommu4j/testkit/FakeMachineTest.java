package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.tuple;

import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DmaOwnership;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.testkit.junit.IommuInvariantsExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class FakeMachineTest {
  @RegisterExtension final IommuInvariantsExtension invariants = new IommuInvariantsExtension();

  private final PciDevice nic = PciDevice.at("0000:01:00.0");
  private final PlatformDevice uart = PlatformDevice.builder("uart0").build();
  private final FakeDriver igc = FakeDriver.usingDmaApi("igc");

  private FakeMachine machine() {
    return invariants.watch(
        FakeMachine.builder().device(nic).device(uart).iommu(new ToyIommu()).build());
  }

  private static void assertRefused(Errno errno, Runnable action) {
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(action::run)
        .satisfies(refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  @Test
  void devicesAreThereBeforeTheIommu() {
    FakeMachine machine = machine();
    assertThat(machine.devices()).containsExactly(nic, uart);
    assertThat(machine.core().groups()).hasSize(2);
    assertThat(machine.iommuSide(nic).group()).isSameAs(machine.group(nic));
    assertThat(machine.device("uart0")).isSameAs(uart);
    assertThatIllegalArgumentException().isThrownBy(() -> machine.device("uart1"));
    assertThat(machine.toString()).isEqualTo("machine with 2 devices behind [toy]");
  }

  @Test
  void devicesComeAndGo() {
    FakeMachine machine = machine();
    machine.bind(nic, igc);
    machine.unplug(nic);
    assertThat(machine.driver(nic)).isEmpty();
    assertThat(machine.isPlugged(nic)).isFalse();
    assertThat(machine.devices()).containsExactly(uart);
    assertRefused(Errno.ENODEV, () -> machine.unplug(nic));
    assertRefused(Errno.ENODEV, () -> machine.bind(nic, igc));
    assertRefused(Errno.ENODEV, () -> machine.group(nic));
    assertThat(machine.plug(nic).succeeded()).isTrue();
    assertRefused(Errno.EEXIST, () -> machine.plug(nic));
    Device stranger = PciDevice.at("0000:02:00.0");
    assertRefused(Errno.ENODEV, () -> machine.unplug(stranger));
    assertThat(machine.isPlugged(stranger)).isFalse();
    assertThat(machine.driver(stranger)).isEmpty();
  }

  @Test
  void onlyDriversThatUseTheDmaApiCount() {
    FakeMachine machine = machine();
    machine.bind(nic, FakeDriver.ofLinux("pcieport"));
    assertThat(machine.group(nic).snapshot().ownerCount()).isZero();
    assertThat(machine.unbind(nic)).contains(FakeDriver.managingDma("pcieport"));
    machine.bind(nic, igc);
    assertThat(machine.group(nic).snapshot().ownerCount()).isOne();
    assertThat(machine.driver(nic)).contains(igc);
    assertRefused(Errno.EBUSY, () -> machine.bind(nic, FakeDriver.ofLinux("vfio-pci")));
    machine.unbind(nic);
    assertThat(machine.unbind(nic)).isEmpty();
  }

  @Test
  void linuxDriversAreKnownByName() {
    assertThat(FakeDriver.ofLinux("mlx5_vfio_pci").managesDma()).isTrue();
    assertThat(FakeDriver.ofLinux("vfio-platform").managesDma()).isTrue();
    assertThat(FakeDriver.ofLinux("pci-stub").managesDma()).isTrue();
    assertThat(FakeDriver.ofLinux("nvme").managesDma()).isFalse();
    assertThat(igc.toString()).isEqualTo("igc");
  }

  @Test
  void anOwnedGroupKeepsTheMachineOpen() {
    FakeMachine machine = machine();
    try (DmaOwnership ownership = machine.group(nic).own(new DmaOwner("vmm"))) {
      assertRefused(Errno.EBUSY, machine::close);
      assertThat(machine.isClosed()).isFalse();
      assertThat(ownership.owner().label()).isEqualTo("vmm");
    }
    machine.close();
    assertThat(machine.isClosed()).isTrue();
    machine.close();
    machine.closeForced();
  }

  @Test
  void aMachineMayRunInRealTime() {
    FakeMachine machine =
        invariants.watch(FakeMachine.builder().realTime().iommu(new ToyIommu()).build());
    assertThatIllegalStateException().isThrownBy(machine::clock);
    assertThatIllegalStateException().isThrownBy(machine::hardware);
  }

  @Test
  void dataNeverOverlap() {
    FakeMachine machine = machine();
    long first = machine.allocateMemory(1);
    long second = machine.allocateMemory(4097);
    assertThat(second).isEqualTo(first + 4096);
    assertThat(machine.allocateMemory(1)).isEqualTo(second + 8192);
  }

  @Test
  void withoutDmaApiThereIsNoDma() {
    FakeMachine machine =
        invariants.watch(
            FakeMachine.builder()
                .device(nic)
                .iommu(new ToyIommu())
                .bootParameters(BootParameters.NONE.withPassthrough("1"))
                .dmaLayer(NoDma::new)
                .build());
    assertRefused(Errno.ENODEV, () -> machine.dma(nic));
    assertRefused(Errno.ENODEV, () -> machine.dma(PciDevice.at("0000:02:00.0")));
  }

  // ---- recorded machines ----

  private static PciTopology recorded() {
    PciTopology.Builder builder = PciTopology.builder("old");
    builder.function("0000:00:01.0").recordedGroup(5).driver("nvme");
    builder.function("0000:00:02.0").recordedGroup(2).driver("pcieport");
    builder.function("0000:00:03.0").recordedGroup(5);
    builder.function("0000:00:04.0");
    return builder.build();
  }

  @Test
  void recordedGroupsKeepTheirNumbersAndMembers() {
    PciTopology topology = recorded();
    FakeMachine machine =
        invariants.watch(
            FakeMachine.builder()
                .topology(topology)
                .device(uart)
                .recordedGroups()
                .bindRecordedDrivers()
                .iommu(new ToyIommu())
                .build());
    assertThat(machine.topology()).contains(topology);
    assertThat(machine.core().groups().stream().map(group -> group.snapshot()))
        .extracting(GroupSnapshot::id, group -> group.members().size(), GroupSnapshot::ownerCount)
        .containsExactly(tuple(0, 1, 0), tuple(2, 1, 0), tuple(5, 2, 1));
    assertThat(machine.core().deviceOf(machine.device("0000:00:04.0"))).isEmpty();
    assertThat(machine.group(uart).id()).isZero();
    Device port = machine.device("0000:00:02.0");
    machine.unplug(port);
    machine.plug(port);
    assertThat(machine.group(port).id()).isEqualTo(2);
  }

  @Test
  void aTakenNumberIsNotForced() {
    FakeMachine machine =
        invariants.watch(
            FakeMachine.builder()
                .topology(recorded())
                .recordedGroups()
                .iommu(new ToyIommu())
                .build());
    Device port = machine.device("0000:00:02.0");
    var surviving = machine.group(port).ref();
    machine.unplug(port);
    machine.plug(port);
    assertThat(machine.group(port).id()).isNotIn(2, 5).isGreaterThan(2);
    surviving.put();
  }

  @Test
  void nothingIsRecordedOfAMachineMadeByHand() {
    assertThatIllegalStateException()
        .isThrownBy(() -> FakeMachine.builder().recordedGroups().iommu(new ToyIommu()).build());
    assertThatIllegalStateException()
        .isThrownBy(() -> FakeMachine.builder().bindRecordedDrivers().build());
    assertThat(machine().topology()).isEmpty();
  }
}
