package org.iommu4j.testkit.sysfs;

import org.iommu4j.core.sysfs.CoreSysfs;
import org.iommu4j.core.sysfs.DevicePath;
import org.iommu4j.core.sysfs.SysfsTree;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.linux.LinuxPci;

/**
 * The tree of a fake machine: that of its core, and over it what Linux shows of PCI in {@code
 * /sys/bus/pci}, {@code /sys/class/pci_bus} and the directories of the functions.
 *
 * <p>What a real writer would wait for, such as the removal of a device that somebody holds, is
 * begun and answered with EINPROGRESS.
 */
public final class MachineSysfs {
  private MachineSysfs() {}

  /**
   * The tree of a machine with the PCI side of Linux on it.
   *
   * @param linux the system
   * @return a tree
   */
  public static SysfsTree of(LinuxPci linux) {
    return builder(linux).build();
  }

  /**
   * The tree of a machine as it is, with no drivers but those that are bound.
   *
   * @param machine from here on its functions come, go and are bound in the tree only
   * @return a tree
   */
  public static SysfsTree of(FakeMachine machine) {
    return of(LinuxPci.over(machine).build());
  }

  /**
   * The tree of a machine, to mount more into.
   *
   * @param linux the system
   * @return a builder
   */
  public static SysfsTree.Builder builder(LinuxPci linux) {
    PciBuses buses = new PciBuses(linux);
    return CoreSysfs.builder(linux.machine().core())
        .mount(DevicePath.ROOT, new FunctionFiles(linux).directory())
        .mount(DevicePath.ROOT, buses.directory())
        .mount(PciBuses.CLASS, buses.classDirectory())
        .mount(BusFiles.ROOT, new BusFiles(linux).directory());
  }
}
