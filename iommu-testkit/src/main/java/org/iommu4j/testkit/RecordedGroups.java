package org.iommu4j.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.iommu4j.api.DevIommu;
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

  RecordedGroups(IommuOps delegate, PciTopology topology) {
    super(delegate);
    this.topology = topology;
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    if (device.device() instanceof PciDevice pci
        && isRecorded(pci)
        && topology.recordedGroup(pci).isEmpty()) {
      throw new IommuException(
          Errno.ENODEV, pci + " had no IOMMU group on machine " + topology.machine());
    }
    return super.probeDevice(device);
  }

  private boolean isRecorded(PciDevice device) {
    return topology.find(device.name()).filter(found -> found == device).isPresent();
  }

  @Override
  public @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    OptionalInt number =
        device.device() instanceof PciDevice pci
            ? topology.recordedGroup(pci)
            : OptionalInt.empty();
    if (number.isEmpty()) {
      return super.deviceGroup(device, groups);
    }
    for (PciDevice other : topology.recordedGroups().getOrDefault(number.getAsInt(), List.of())) {
      Optional<IommuGroup> present = groups.of(other);
      if (present.isPresent()) {
        return present.get();
      }
    }
    return numbered(number.getAsInt(), groups);
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
