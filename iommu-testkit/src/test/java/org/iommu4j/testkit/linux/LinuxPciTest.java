package org.iommu4j.testkit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.persona.Persona;
import org.iommu4j.testkit.persona.VirtioPersona;
import org.iommu4j.testkit.persona.VtdPersona;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LinuxPciTest {
  private final FakeMachine machine = Board.machine(null, true);
  private final LinuxPci linux = started();

  private LinuxPci started() {
    VtdPersona.builder().build().start(machine.core());
    return LinuxPci.over(machine).sriov(Board.PF, new SriovFacts(8, 128, 2, 0x10ca)).build();
  }

  @AfterEach
  void close() {
    machine.closeForced();
  }

  private static void assertRefused(Errno errno, Runnable action) {
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(action::run)
        .satisfies(refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  private String driver(String address) {
    return linux.find(address).flatMap(PciFunction::driver).map(LinuxDriver::name).orElse("-");
  }

  private int group(String address) {
    return machine.group(linux.find(address).orElseThrow().device()).id();
  }

  @Test
  void aDriverTakesWhatFitsWhenItIsLoaded() {
    linux.load(Board.e1000e());
    assertThat(driver(Board.NIC)).isEqualTo("e1000e");
    assertThat(driver(Board.MF1)).isEqualTo("e1000e");
    assertThat(driver(Board.CONV_A)).isEqualTo("-");
    assertRefused(Errno.EBUSY, () -> linux.load(Board.e1000e()));
    linux.unload("e1000e");
    assertThat(driver(Board.NIC)).isEqualTo("-");
    assertThat(linux.driver("e1000e")).isEmpty();
  }

  @Test
  void withoutAutoprobeADriverWaitsToBeAsked() {
    linux.driversAutoprobe(false);
    linux.load(Board.e1000e());
    assertThat(linux.driversAutoprobe()).isFalse();
    assertThat(driver(Board.NIC)).isEqualTo("-");
    linux.driversProbe(Board.NIC);
    assertThat(driver(Board.NIC)).isEqualTo("e1000e");
    linux.driversProbe(Board.CONV_A);
    assertThat(driver(Board.CONV_A)).isEqualTo("-");
    linux.remove(Board.MF0);
    linux.rescan();
    assertThat(driver(Board.MF0)).isEqualTo("-");
  }

  @Test
  void aDriverIsBoundOnlyToWhatItTakes() {
    linux.load(Board.e1000e());
    linux.load(Board.pciStub());
    assertRefused(Errno.ENODEV, () -> linux.bind("e1000e", Board.CONV_A));
    assertRefused(Errno.ENODEV, () -> linux.bind("nosuch", Board.NIC));
    assertRefused(Errno.ENODEV, () -> linux.bind("e1000e", "0000:1f:00.0"));
    // VFIO-22: the match comes first, then the driver that is there.
    assertRefused(Errno.ENODEV, () -> linux.bind("pci-stub", Board.NIC));
    linux.driverOverride(Board.NIC, "pci-stub");
    assertRefused(Errno.EBUSY, () -> linux.bind("pci-stub", Board.NIC));
    linux.unbind("e1000e", Board.NIC);
    assertRefused(Errno.ENODEV, () -> linux.unbind("e1000e", Board.NIC));
    assertRefused(Errno.ENODEV, () -> linux.bind("e1000e", Board.NIC));
    linux.bind("pci-stub", Board.NIC);
    assertThat(driver(Board.NIC)).isEqualTo("pci-stub");
    assertThat(linux.find(Board.NIC).orElseThrow().driverOverride()).contains("pci-stub");
    linux.driverOverride(Board.NIC, "");
    assertThat(linux.find(Board.NIC).orElseThrow().driverOverride()).isEmpty();
  }

  // VFIO-08
  @Test
  void anOwnedGroupRefusesNativeDriversAndTakesThoseThatManageDma() {
    linux.load(Board.e1000());
    linux.load(Board.pciStub());
    linux.unbind("e1000", Board.CONV_A);
    linux.unbind("e1000", Board.CONV_B);
    var group = machine.group(linux.find(Board.CONV_A).orElseThrow().device());
    group.claimDmaOwner(new DmaOwner("test"));
    assertRefused(Errno.EBUSY, () -> linux.bind("e1000", Board.CONV_B));
    linux.driverOverride(Board.CONV_B, "pci-stub");
    linux.bind("pci-stub", Board.CONV_B);
    linux.unbind("pci-stub", Board.CONV_B);
    linux.driverOverride(Board.CONV_B, null);
    group.releaseDmaOwner();
    linux.bind("e1000", Board.CONV_B);
  }

  @Test
  void whatADriverDeclinesGoesToTheNext() {
    List<String> asked = new ArrayList<>();
    DriverHooks declines =
        new DriverHooks() {
          @Override
          public void probe(PciDevice device) {
            asked.add(device.name());
            throw new IommuException(Errno.ENODEV, "not wanted");
          }
        };
    linux.load(LinuxDriver.named("picky").id(0x8086, 0x10d3).hooks(declines).build());
    linux.load(Board.e1000e());
    assertThat(asked).contains(Board.NIC);
    assertThat(driver(Board.NIC)).isEqualTo("e1000e");
    linux.unbind("e1000e", Board.NIC);
    assertRefused(Errno.ENODEV, () -> linux.bind("picky", Board.NIC));
    // A bind that failed does not count as a user of the group (CORE-301).
    machine.group(linux.find(Board.NIC).orElseThrow().device()).claimDmaOwner(new DmaOwner("t"));
  }

  // P-05: the lowest free number, whichever device asks first.
  @Test
  void whatIsRemovedComesBackAsANewDevice() {
    linux.load(Board.e1000e());
    int nic = group(Board.NIC);
    PciDevice before = linux.find(Board.NIC).orElseThrow().device();
    linux.driverOverride(Board.NIC, "e1000e");
    assertThat(linux.remove(Board.NIC).finished()).isTrue();
    assertThat(linux.find(Board.NIC)).isEmpty();
    assertRefused(Errno.ENODEV, () -> linux.remove(Board.NIC));
    linux.rescan();
    PciFunction after = linux.find(Board.NIC).orElseThrow();
    assertThat(after.device()).isNotSameAs(before);
    assertThat(after.driverOverride()).isEmpty();
    assertThat(driver(Board.NIC)).isEqualTo("e1000e");
    assertThat(group(Board.NIC)).isEqualTo(nic);
  }

  @Test
  void theFirstThatIsScannedGetsTheLowestNumber() {
    int nic = group(Board.NIC);
    int physical = group(Board.PF);
    linux.remove(Board.NIC);
    linux.remove(Board.PF);
    linux.rescanBus(0, 5);
    assertThat(group(Board.PF)).isEqualTo(nic);
    linux.rescanBelow(Board.PORT);
    assertThat(group(Board.NIC)).isEqualTo(physical);
    assertRefused(Errno.ENODEV, () -> linux.rescanBus(0, 0x77));
    assertRefused(Errno.ENODEV, () -> linux.rescanBelow(Board.NIC));
  }

  @Test
  void aBridgeTakesEverythingBelowWithIt() {
    linux.load(Board.e1000());
    int before = linux.functions().size();
    linux.remove(Board.BRIDGE_PORT);
    assertThat(linux.functions()).hasSize(before - 4);
    assertThat(linux.find(Board.CONV_A)).isEmpty();
    assertRefused(Errno.ENODEV, () -> linux.rescanBus(0, 3));
    linux.rescan();
    assertThat(linux.functions()).hasSize(before);
    assertThat(driver(Board.CONV_B)).isEqualTo("e1000");
    // The members find each other again although bus and bridge are new objects (CORE-137).
    assertThat(group(Board.CONV_A)).isEqualTo(group(Board.BRIDGE)).isEqualTo(group(Board.CONV_B));
  }

  // P-09
  @Test
  void aLaterFunctionIsGroupedBeforeItsSlotIsKnownToHaveSeveral() {
    assertThat(group(Board.MF1)).isEqualTo(group(Board.MF0));
    linux.remove(Board.MF1);
    linux.rescan();
    assertThat(linux.find(Board.MF1).orElseThrow().device().multifunction()).isTrue();
    assertThat(group(Board.MF1)).isNotEqualTo(group(Board.MF0));
    // The first function has the bit in its header, and by now the other one counts as well.
    linux.remove(Board.MF0);
    linux.rescan();
    assertThat(group(Board.MF0)).isEqualTo(group(Board.MF1));
  }

  // P-08
  @Test
  void virtualFunctionsComeAndGoWithTheirNumber() {
    linux.load(Board.igb());
    linux.sriovNumvfs(Board.PF, 3);
    assertThat(linux.find(Board.PF).orElseThrow().numvfs()).isEqualTo(3);
    PciFunction first = linux.find("0000:05:10.0").orElseThrow();
    assertThat(first.physicalFunction()).contains(linux.find(Board.PF).orElseThrow());
    assertThat(first.id().device()).isEqualTo(0x10ca);
    assertThat(linux.find("0000:05:10.4")).isPresent();
    assertThat(group("0000:05:10.0"))
        .isNotEqualTo(group("0000:05:10.2"))
        .isNotEqualTo(group(Board.PF));
    linux.sriovNumvfs(Board.PF, 3);
    assertRefused(Errno.EBUSY, () -> linux.sriovNumvfs(Board.PF, 2));
    assertRefused(Errno.ERANGE, () -> linux.sriovNumvfs(Board.PF, 9));
    assertRefused(Errno.ENOENT, () -> linux.sriovNumvfs(Board.NIC, 1));
    linux.sriovNumvfs(Board.PF, 0);
    assertThat(linux.find("0000:05:10.0")).isEmpty();
  }

  @Test
  void aDriverThatGoesTakesItsVirtualFunctionsWithIt() {
    assertRefused(Errno.ENOENT, () -> linux.sriovNumvfs(Board.PF, 1));
    linux.load(Board.igb());
    linux.sriovNumvfs(Board.PF, 2);
    linux.unbind("igb", Board.PF);
    assertThat(linux.find("0000:05:10.0")).isEmpty();
    linux.bind("igb", Board.PF);
    linux.sriovNumvfs(Board.PF, 2);
    linux.remove("0000:00:05.0");
    assertThat(linux.find("0000:05:10.2")).isEmpty();
    linux.rescan();
    assertThat(linux.find(Board.PF).orElseThrow().numvfs()).isZero();
  }

  @Test
  void driversOfVirtualFunctionsCanBeKeptAway() {
    linux.load(Board.igb());
    linux.load(LinuxDriver.named("igbvf").id(0x8086, 0x10ca).build());
    linux.sriovNumvfs(Board.PF, 1);
    assertThat(driver("0000:05:10.0")).isEqualTo("igbvf");
    linux.sriovNumvfs(Board.PF, 0);
    linux.sriovDriversAutoprobe(Board.PF, false);
    linux.sriovNumvfs(Board.PF, 1);
    assertThat(driver("0000:05:10.0")).isEqualTo("-");
  }

  // Persona rule 6.1
  @Test
  void bindsWaitForAnIommuThatIsNotThereYet() {
    FirmwareNode node = new FirmwareNode("viommu");
    try (FakeMachine late = Board.machine(node, true)) {
      LinuxPci waiting = LinuxPci.over(late).build();
      waiting.load(Board.igb());
      assertThat(waiting.find(Board.PF).orElseThrow().driver()).isEmpty();
      assertRefused(Errno.EAGAIN, () -> waiting.bind("igb", Board.PF));
      Persona iommu =
          VirtioPersona.builder(node).scope(device -> device.name().equals(Board.PF)).build();
      iommu.start(late.core());
      waiting.retryDeferred();
      assertThat(waiting.find(Board.PF).orElseThrow().driver().map(LinuxDriver::name))
          .contains("igb");
    }
  }

  @Test
  void aRemovalWaitsForADeviceInUse() {
    List<Runnable> waiting = new ArrayList<>();
    DriverHooks holds =
        new DriverHooks() {
          @Override
          public boolean remove(PciDevice device, Runnable later) {
            waiting.add(later);
            return false;
          }
        };
    linux.load(LinuxDriver.named("holder").id(0x8086, 0x10d3).hooks(holds).build());
    Removal removal = linux.remove(Board.NIC);
    assertThat(removal.finished()).isFalse();
    assertThat(linux.find(Board.NIC)).isPresent();
    assertThat(driver(Board.NIC)).isEqualTo("-");
    assertRefused(Errno.EBUSY, () -> linux.unbind("holder", Board.NIC));
    assertRefused(Errno.EBUSY, () -> linux.bind("holder", Board.NIC));
    waiting.remove(0).run();
    assertThat(removal.finished()).isTrue();
    assertThat(linux.find(Board.NIC)).isEmpty();
  }
}
