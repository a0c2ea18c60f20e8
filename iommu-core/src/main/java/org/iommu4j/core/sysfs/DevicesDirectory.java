package org.iommu4j.core.sysfs;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.IommuCore;
import org.jspecify.annotations.Nullable;

/**
 * The directories of all devices that are in a group, with the links that the core puts there
 * (CORE-810, 811). The picture is taken once per look-up, when the walk comes through here.
 */
record DevicesDirectory(IommuCore core) implements SysfsDirectory {
  @Override
  public Collection<String> names() {
    return new Picture(core).names(DevicePath.ROOT);
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    return new Picture(core).child(DevicePath.ROOT, name);
  }

  /** Which directories there are at one moment. */
  private static final class Picture {
    private final IommuCore core;
    private final Map<String, Device> devices = new HashMap<>();
    private final Map<String, IommuGroup> groups = new HashMap<>();
    private final Map<String, TreeSet<String>> below = new HashMap<>();

    Picture(IommuCore core) {
      this.core = core;
      for (IommuGroup group : core.groups()) {
        Members.of(group).forEach(member -> add(member.device(), group));
      }
    }

    private void add(Device device, IommuGroup group) {
      String path = DevicePath.of(device);
      if (devices.putIfAbsent(path, device) == null) {
        groups.put(path, group);
        for (int end = path.lastIndexOf('/');
            end >= DevicePath.ROOT.length();
            end = path.lastIndexOf('/', end - 1)) {
          String rest = path.substring(end + 1);
          int slash = rest.indexOf('/');
          below
              .computeIfAbsent(path.substring(0, end), unused -> new TreeSet<>())
              .add(slash < 0 ? rest : rest.substring(0, slash));
        }
      }
    }

    Collection<String> names(String path) {
      TreeSet<String> names = new TreeSet<>(below.getOrDefault(path, new TreeSet<>()));
      names.addAll(links(path).keySet());
      return names;
    }

    @Nullable SysfsNode child(String path, String name) {
      SysfsNode link = links(path).get(name);
      if (link != null) {
        return link;
      }
      return below.getOrDefault(path, new TreeSet<>()).contains(name)
          ? new Inside(this, path + "/" + name)
          : null;
    }

    private Map<String, SysfsNode> links(String path) {
      Device device = devices.get(path);
      IommuGroup group = groups.get(path);
      if (device == null || group == null) {
        return Map.of();
      }
      SysfsLink toGroup = new SysfsLink(CoreSysfs.GROUPS + "/" + group.id());
      return core.deviceOf(device)
          .map(
              served ->
                  Map.<String, SysfsNode>of(
                      "iommu_group",
                      toGroup,
                      "iommu",
                      new SysfsLink(CoreSysfs.INSTANCES + "/" + served.iommu().name())))
          .orElseGet(() -> Map.of("iommu_group", toGroup));
    }
  }

  private record Inside(Picture picture, String path) implements SysfsDirectory {
    @Override
    public Collection<String> names() {
      return List.copyOf(picture.names(path));
    }

    @Override
    public @Nullable SysfsNode child(String name) {
      return picture.child(path, name);
    }
  }
}
