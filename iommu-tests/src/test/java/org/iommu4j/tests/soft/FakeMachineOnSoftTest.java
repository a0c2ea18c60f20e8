package org.iommu4j.tests.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.FakeDriver;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.FaultReason;
import org.iommu4j.testkit.SoftHardware;
import org.iommu4j.testkit.WatchedDma;
import org.iommu4j.testkit.junit.IommuInvariantsExtension;
import org.iommu4j.topology.MachineJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Whole machines behind a SoftIOMMU. */
@Timeout(120)
class FakeMachineOnSoftTest {
  @RegisterExtension final IommuInvariantsExtension invariants = new IommuInvariantsExtension();

  private static Map<Integer, List<Device>> groupsOf(FakeMachine machine) {
    Map<Integer, List<Device>> groups = new TreeMap<>();
    for (IommuGroup group : machine.core().groups()) {
      groups.put(
          group.id(),
          group.snapshot().members().stream().map(GroupSnapshot.Member::device).toList());
    }
    return groups;
  }

  @Test
  void aRecordedMachineBootsWithItsGroupsAndDrivers() {
    PciTopology topology = MachineJson.defaultMachine();
    FakeMachine machine =
        invariants.watch(
            FakeMachine.builder()
                .topology(topology)
                .recordedGroups()
                .bindRecordedDrivers()
                .soft(SoftIommu::on)
                .build());
    assertThat(groupsOf(machine)).isEqualTo(topology.recordedGroups());
    Device nic = machine.device("0000:06:00.0");
    assertThat(machine.driver(nic)).contains(FakeDriver.usingDmaApi("igc"));
    assertThat(machine.group(nic).snapshot().ownerCount()).isEqualTo(4);
    assertThat(machine.pagesSinceBoot()).isPositive();
  }

  @Test
  void withoutRecordedGroupsTheLibraryFormsThem() {
    PciTopology topology = MachineJson.defaultMachine();
    FakeMachine machine =
        invariants.watch(FakeMachine.builder().topology(topology).soft(SoftIommu::on).build());
    assertThat(groupsOf(machine).values().stream().mapToInt(List::size).sum())
        .isEqualTo(topology.devices().size());
    machine.devices().forEach(machine::unplug);
    assertThat(machine.core().groups()).isEmpty();
    topology.devices().forEach(machine::plug);
    assertThat(machine.devices()).hasSize(topology.devices().size());
  }

  @Test
  void dmaGoesThroughTheDefaultDomainOfTheMoment() {
    PciDevice nic = PciDevice.at("0000:01:00.0");
    FakeMachine machine =
        invariants.watch(FakeMachine.builder().device(nic).soft(SoftIommu::on).build());
    long page = machine.allocateMemory(4096);
    WatchedDma dma = machine.dma(nic);
    long iova = dma.map(page, 4096, Prot.RW);
    dma.write(iova + 8, 42);
    assertThat(machine.hardware().memory().read(page + 8)).isEqualTo(42);
    assertThat(dma.device()).isSameAs(nic);
    dma.unmap(iova, 4096);
    var unused = machine.group(nic).writeType("identity", Caller.ROOT);
    WatchedDma direct = machine.dma(nic);
    assertThat(direct.map(page, 4096, Prot.RW)).isEqualTo(page);
    assertThat(direct.read(page + 8)).isEqualTo(42);
    direct.unmap(page, 4096);
    machine.unplug(nic);
    assertThatExceptionOfType(DmaFault.class)
        .isThrownBy(() -> machine.engine(nic).read(page))
        .satisfies(fault -> assertThat(fault.reason()).isEqualTo(FaultReason.UNKNOWN_DEVICE));
  }

  @Test
  void everyDeviceSeesItsOwnIommu() {
    FirmwareNode node = new FirmwareNode("iommu@1");
    PlatformDevice uart =
        PlatformDevice.builder("uart").iommu(new IommuSpecifier(node, List.of(7))).build();
    PciDevice nic = PciDevice.at("0000:01:00.0");
    SoftHardware named = SoftHardware.builder().name("soft1").build();
    SoftHardware fallback = SoftHardware.create();
    // The other way round, the IOMMU without a node would take both (CORE-104).
    FakeMachine machine =
        invariants.watch(
            FakeMachine.builder()
                .device(nic)
                .device(uart)
                .soft(named, port -> SoftIommu.on(port, node))
                .soft(fallback, SoftIommu::on)
                .build());
    assertThat(machine.iommus()).hasSize(2);
    assertThat(machine.iommuSide(uart).iommu()).isSameAs(machine.iommus().get(0));
    assertThat(machine.iommuSide(nic).iommu()).isSameAs(machine.iommus().get(1));
    long page = machine.allocateMemory(4096);
    WatchedDma dma = machine.dma(uart);
    dma.write(dma.map(page, 4096, Prot.RW), 42);
    assertThat(machine.hardware()).isSameAs(named);
    assertThat(named.memory().read(page)).isEqualTo(42);
    assertThat(fallback.memory().read(page)).isZero();
  }
}
