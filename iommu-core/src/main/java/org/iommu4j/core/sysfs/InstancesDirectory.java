package org.iommu4j.core.sysfs;

import java.util.Collection;
import java.util.Map;
import java.util.function.Function;
import org.iommu4j.api.Device;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.IommuDevice;
import org.jspecify.annotations.Nullable;

/**
 * An entry per registered IOMMU (CORE-820).
 *
 * @param core whose IOMMUs
 * @param entry what stands for one of them
 */
record InstancesDirectory(IommuCore core, Function<IommuDevice, SysfsNode> entry)
    implements SysfsDirectory {
  @Override
  public Collection<String> names() {
    return core.instances().stream().map(IommuDevice::name).toList();
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    for (IommuDevice instance : core.instances()) {
      if (instance.name().equals(name)) {
        return entry.apply(instance);
      }
    }
    return null;
  }

  /** {@code /sys/class/iommu}: links to the class devices. */
  static InstancesDirectory links(IommuCore core) {
    return new InstancesDirectory(
        core, instance -> new SysfsLink(CoreSysfs.INSTANCES + "/" + instance.name()));
  }

  /** {@code /sys/devices/virtual/iommu}: the class devices (CORE-824, 825). */
  static InstancesDirectory classDevices(IommuCore core) {
    return new InstancesDirectory(core, instance -> classDevice(core, instance));
  }

  private static SysfsNode classDevice(IommuCore core, IommuDevice instance) {
    return new FixedDirectory(
        Map.of(
            "devices",
            new ServedDirectory(core, instance),
            "power",
            new FixedDirectory(Map.of()),
            "subsystem",
            new SysfsLink(CoreSysfs.CLASS),
            "uevent",
            Uevent.file(() -> "").aliveWhile(() -> core.instances().contains(instance))));
  }

  /** {@code devices}: a link per device that the IOMMU serves (CORE-824). */
  private record ServedDirectory(IommuCore core, IommuDevice instance) implements SysfsDirectory {
    @Override
    public Collection<String> names() {
      return core.groups().stream()
          .flatMap(group -> Members.of(group).stream())
          .map(GroupSnapshot.Member::device)
          .filter(this::isServed)
          .map(Device::name)
          .distinct()
          .toList();
    }

    @Override
    public @Nullable SysfsNode child(String name) {
      return core.groups().stream()
          .flatMap(group -> Members.of(group).stream())
          .map(GroupSnapshot.Member::device)
          .filter(device -> device.name().equals(name) && isServed(device))
          .findFirst()
          .map(device -> new SysfsLink(DevicePath.of(device)))
          .orElse(null);
    }

    private boolean isServed(Device device) {
      return Members.iommuOf(core, device).filter(iommu -> iommu == instance).isPresent();
    }
  }
}
