package org.iommu4j.core.sysfs;

import org.iommu4j.core.IommuCore;

/**
 * The part of the tree that a core shows: {@code /sys/kernel/iommu_groups}, {@code
 * /sys/class/iommu}, and in {@code /sys/devices} the directories of the devices that are in a group
 * (CORE-800 to 825).
 */
public final class CoreSysfs {
  static final String GROUPS = "/sys/kernel/iommu_groups";
  static final String CLASS = "/sys/class/iommu";
  static final String INSTANCES = DevicePath.ROOT + "/virtual/iommu";

  private CoreSysfs() {}

  /**
   * The tree of a core and nothing else.
   *
   * @param core whose state is shown
   * @return a tree
   */
  public static SysfsTree of(IommuCore core) {
    return builder(core).build();
  }

  /**
   * The tree of a core, to mount more into.
   *
   * @param core whose state is shown
   * @return a builder
   */
  public static SysfsTree.Builder builder(IommuCore core) {
    return SysfsTree.builder()
        .mount(GROUPS, new GroupsDirectory(core))
        .mount(CLASS, InstancesDirectory.links(core))
        .mount(INSTANCES, InstancesDirectory.classDevices(core))
        .mount(DevicePath.ROOT, DeviceLinks.of(core));
  }
}
