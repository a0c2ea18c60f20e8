package org.iommu4j.core.sysfs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.IommuCore;

/** What the core puts into the directories of devices that are in a group (CORE-810, 811). */
final class DeviceLinks {
  private DeviceLinks() {}

  /** A device and its group. */
  private record Membership(IommuGroup group, Device device) {
    String path() {
      return DevicePath.of(device);
    }
  }

  static SysfsDirectory of(IommuCore core) {
    return new SparseDirectory<>(
        DevicePath.ROOT, () -> all(core), Membership::path, member -> links(core, member));
  }

  private static List<Membership> all(IommuCore core) {
    List<Membership> all = new ArrayList<>();
    for (IommuGroup group : core.groups()) {
      Members.of(group).forEach(member -> all.add(new Membership(group, member.device())));
    }
    return all;
  }

  private static Map<String, SysfsNode> links(IommuCore core, Membership member) {
    Map<String, SysfsNode> links = new HashMap<>();
    links.put("iommu_group", new SysfsLink(CoreSysfs.GROUPS + "/" + member.group().id()));
    Members.iommuOf(core, member.device())
        .ifPresent(
            iommu -> links.put("iommu", new SysfsLink(CoreSysfs.INSTANCES + "/" + iommu.name())));
    return links;
  }
}
