package org.iommu4j.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.jspecify.annotations.Nullable;

/**
 * A driver that forms the groups of a recorded machine: same members and, as long as they are free,
 * same numbers. A function without a recorded group has no IOMMU.
 */
final class RecordedGroups extends ForwardingIommuOps {
  private final PciTopology topology;

  /** The device that was last seen under a name: one that was removed comes back as another. */
  private final Map<String, Device> latest = new ConcurrentHashMap<>();

  RecordedGroups(IommuOps delegate, PciTopology topology) {
    super(delegate);
    this.topology = topology;
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    PciDevice recorded = recordedAs(device.device());
    if (recorded != null && topology.recordedGroup(recorded).isEmpty()) {
      throw new IommuException(
          Errno.ENODEV, recorded + " had no IOMMU group on machine " + topology.machine());
    }
    return super.probeDevice(device);
  }

  /**
   * The function of the recorded machine that a device is, or is again after it was removed and
   * found by a scan.
   */
  private @Nullable PciDevice recordedAs(Device device) {
    return device instanceof PciDevice pci
        ? topology.find(pci.name()).filter(recorded -> isSame(recorded, pci)).orElse(null)
        : null;
  }

  private static boolean isSame(PciDevice recorded, PciDevice device) {
    return recorded == device
        || (recorded.requesterId() == device.requesterId()
            && recorded.vendorId() == device.vendorId()
            && recorded.deviceId() == device.deviceId());
  }

  @Override
  public @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    PciDevice recorded = recordedAs(device.device());
    OptionalInt number = recorded == null ? OptionalInt.empty() : topology.recordedGroup(recorded);
    if (number.isEmpty()) {
      return super.deviceGroup(device, groups);
    }
    IommuGroup group = present(number.getAsInt(), groups).orElse(null);
    latest.put(device.device().name(), device.device());
    return group == null ? numbered(number.getAsInt(), groups) : group;
  }

  private Optional<IommuGroup> present(int number, DeviceGroups groups) {
    for (PciDevice member : topology.recordedGroups().getOrDefault(number, List.of())) {
      Device now = latest.get(member.name());
      Optional<IommuGroup> present = now == null ? Optional.empty() : groups.of(now);
      if (present.isPresent()) {
        return present;
      }
    }
    return Optional.empty();
  }

  /** A core gives out the lowest free number: those below the wanted one are taken meanwhile. */
  private static IommuGroup numbered(int wanted, DeviceGroups groups) {
    List<IommuGroup> fillers = new ArrayList<>();
    try {
      IommuGroup group = groups.generic();
      while (group.id() < wanted) {
        fillers.add(group);
        group = groups.generic();
      }
      return group;
    } finally {
      fillers.forEach(IommuGroup::put);
    }
  }
}
