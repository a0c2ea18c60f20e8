package org.iommu4j.tests.sysfs;

import java.util.Optional;
import org.iommu4j.api.Caller;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PcieType;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsTree;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.linux.LinuxDriver;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.linux.SriovFacts;
import org.iommu4j.testkit.sysfs.MachineSysfs;
import org.iommu4j.testkit.sysfs.SysfsFileSystem;

/**
 * A small machine with Linux on it: a root port with isolation and a network card below it, which
 * can have virtual functions; beside them a disk controller.
 */
final class SysfsRig implements AutoCloseable {
  static final String GROUPS = "/sys/kernel/iommu_groups";
  static final String PORT = "0000:00:01.0";
  static final String NIC = "0000:01:00.0";
  static final String DISK = "0000:00:02.0";

  private static final int ISOLATED =
      PciDevice.ACS_SV | PciDevice.ACS_RR | PciDevice.ACS_CR | PciDevice.ACS_UF;

  final LinuxPci linux;
  final SysfsTree tree;
  final SysfsProcess root;
  final SysfsFileSystem files;

  SysfsRig() {
    PciBus bus = PciBus.root(0, 0);
    PciDevice port =
        PciDevice.builder(bus, 1, 0)
            .pcieType(PcieType.ROOT_PORT)
            .acs(ISOLATED, ISOLATED)
            .ids(0x1b36, 0x000c)
            .build();
    PciDevice nic =
        PciDevice.builder(PciBus.below(port, 1), 0, 0).ids(0x8086, 0x10c9).ats(true).build();
    PciDevice disk = PciDevice.builder(bus, 2, 0).ids(0x8086, 0x2922).build();
    FakeMachine machine =
        FakeMachine.builder().device(port).device(disk).device(nic).soft(SoftIommu::on).build();
    linux =
        LinuxPci.over(machine)
            .classCodes(
                device ->
                    Optional.of(
                        device.name().equals(PORT)
                            ? "060400"
                            : device.name().equals(DISK) ? "010601" : "020000"))
            .sriov(NIC, new SriovFacts(7, 0x80, 2, 0x10ca))
            .build();
    linux.load(LinuxDriver.named("vfio-pci").build());
    linux.load(LinuxDriver.named("igb").id(0x8086, 0x10c9).supportingSriov().build());
    linux.load(LinuxDriver.named("ahci").classCode(0x010601).build());
    tree = MachineSysfs.of(linux);
    root = tree.as(Caller.ROOT);
    files = SysfsFileSystem.of(tree, Caller.ROOT);
  }

  String group(String address) {
    return root.realpath("/sys/bus/pci/devices/" + address + "/iommu_group");
  }

  String device(String address) {
    return "/sys/bus/pci/devices/" + address;
  }

  @Override
  public void close() {
    linux.machine().close();
  }
}
