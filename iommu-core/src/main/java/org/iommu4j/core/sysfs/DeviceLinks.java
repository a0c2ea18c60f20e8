package org.iommu4j.core.sysfs;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.IommuCore;

/** What the core puts into the directories of devices that are in a group (CORE-810, 811). */
final class DeviceLinks {
  private DeviceLinks() {}

  static SysfsDirectory of(IommuCore core) {
    return new SparseDirectory(DevicePath.ROOT, () -> links(core));
  }

  private static Map<String, Supplier<Map<String, SysfsNode>>> links(IommuCore core) {
    Map<String, Supplier<Map<String, SysfsNode>>> all = new HashMap<>();
    for (IommuGroup group : core.groups()) {
      Members.of(group)
          .forEach(
              member ->
                  all.putIfAbsent(
                      DevicePath.of(member.device()), () -> links(core, group, member.device())));
    }
    return all;
  }

  private static Map<String, SysfsNode> links(IommuCore core, IommuGroup group, Device device) {
    Map<String, SysfsNode> links = new HashMap<>();
    links.put("iommu_group", new SysfsLink(CoreSysfs.GROUPS + "/" + group.id()));
    core.deviceOf(device)
        .ifPresent(
            served ->
                links.put(
                    "iommu", new SysfsLink(CoreSysfs.INSTANCES + "/" + served.iommu().name())));
    return links;
  }
}
