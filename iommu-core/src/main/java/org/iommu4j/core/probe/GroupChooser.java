package org.iommu4j.core.probe;

import java.util.Optional;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.group.GroupImpl;
import org.iommu4j.core.group.GroupTable;
import org.iommu4j.core.grouping.PciGrouping;
import org.iommu4j.core.trace.CoreTrace;
import org.iommu4j.spi.DeviceGroups;
import org.jspecify.annotations.Nullable;

/** The ready-made ways to choose the group of one device (CORE-130 to 134). */
final class GroupChooser implements DeviceGroups {
  private final Device device;
  private final Instance instance;
  private final GroupTable groups;
  private final Buses buses;
  private final StateTable states;
  private final CoreTrace trace;

  GroupChooser(
      Device device,
      Instance instance,
      GroupTable groups,
      Buses buses,
      StateTable states,
      CoreTrace trace) {
    this.device = device;
    this.instance = instance;
    this.groups = groups;
    this.buses = buses;
    this.states = states;
    this.trace = trace;
  }

  @Override
  public IommuGroup generic() {
    return groups.allocate();
  }

  @Override
  public IommuGroup singleton() {
    return instance.singletonGroup(groups);
  }

  @Override
  public IommuGroup pci() {
    if (!(device instanceof PciDevice pci)) {
      trace.violation(1016, "not-pci", "device " + device);
      throw new IommuException(Errno.EINVAL, "device " + device + " is not a PCI device");
    }
    PciGrouping.Found<GroupImpl> found = search(pci);
    // One that has ended since it was found is no device's any more.
    while (found != null && !found.group().tryRef()) {
      found = search(pci);
    }
    return found == null ? groups.allocate() : found.group();
  }

  private PciGrouping.@Nullable Found<GroupImpl> search(PciDevice pci) {
    return new PciGrouping<GroupImpl>(states::groupOf, buses::functions).find(pci);
  }

  @Override
  public IommuGroup container() {
    GroupImpl shared = states.refGroupOf(device.container());
    return shared == null ? groups.allocate() : shared;
  }

  @Override
  public Optional<IommuGroup> of(Device other) {
    return Optional.ofNullable(states.refGroupOf(other));
  }
}
