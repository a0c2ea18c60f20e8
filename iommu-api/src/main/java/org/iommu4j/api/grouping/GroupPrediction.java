package org.iommu4j.api.grouping;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;

/** All groups of a machine as they are foreseen. Immutable and thread-safe. */
public final class GroupPrediction {
  private final List<PredictedGroup> groups;
  private final List<Device> without;
  private final Map<PciDevice, Isolation> isolation;
  private final Map<Device, PredictedGroup> groupOf;

  /**
   * Puts a prediction together.
   *
   * @param groups by number
   * @param without devices that no IOMMU serves
   * @param isolation what is known about each PCI function
   */
  public GroupPrediction(
      List<PredictedGroup> groups,
      List<? extends Device> without,
      Map<PciDevice, Isolation> isolation) {
    this.groups = List.copyOf(groups);
    this.without = List.copyOf(without);
    this.isolation = Collections.unmodifiableMap(isolation);
    this.groupOf = new HashMap<>();
    for (PredictedGroup group : groups) {
      group.members().forEach(member -> groupOf.put(member.device(), group));
    }
  }

  /**
   * The groups.
   *
   * @return ordered by number, which is the order in which they are made
   */
  public List<PredictedGroup> groups() {
    return groups;
  }

  /**
   * Devices that get no group because no IOMMU serves them, for example the IOMMU itself.
   *
   * @return in the order of the machine
   */
  public List<Device> withoutGroup() {
    return without;
  }

  /**
   * The group of a device.
   *
   * @param device any device
   * @return empty if it gets none
   */
  public Optional<PredictedGroup> groupOf(Device device) {
    return Optional.ofNullable(groupOf.get(device));
  }

  /**
   * Whether a function is isolated, and why.
   *
   * @param device any PCI function
   * @return empty if it is not part of the machine
   */
  public Optional<Isolation> isolationOf(PciDevice device) {
    return Optional.ofNullable(isolation.get(device));
  }
}
