package org.iommu4j.core.grouping;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.BusType;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.MergeReason;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.api.grouping.PredictedGroup.Member;
import org.iommu4j.api.grouping.WhatIf;
import org.jspecify.annotations.Nullable;

/** Probes the devices of a machine on paper, one after the other, as a core does for real. */
public final class Forecast {
  private final Map<Device, Draft> groupOf = new HashMap<>();
  private final Map<PciBus, Set<PciDevice>> present = new HashMap<>();
  private final List<Draft> groups = new ArrayList<>();
  private final List<Device> without = new ArrayList<>();
  private final Map<PciDevice, Isolation> isolation = new LinkedHashMap<>();
  private final IsolationJudge judge;
  private @Nullable PciGrouping<Draft> grouping;

  /**
   * Starts with no device.
   *
   * @param whatIf changes to the machine
   */
  public Forecast(WhatIf whatIf) {
    judge = new IsolationJudge(whatIf);
  }

  /** A group that still grows. */
  private record Draft(List<Member> members) {}

  /**
   * Puts a device on its bus: it can be seen, and has no group.
   *
   * @param device any device
   */
  public void appear(Device device) {
    if (device instanceof PciDevice pci) {
      present.computeIfAbsent(pci.bus(), bus -> new LinkedHashSet<>()).add(pci);
      isolation.put(pci, judge.of(pci));
      grouping = null;
    }
  }

  /**
   * Leaves a device without group, since no IOMMU serves it.
   *
   * @param device any device
   */
  public void leave(Device device) {
    without.add(device);
  }

  /**
   * Gives a device the group that a driver of its bus asks for: the PCI one, that of its container,
   * or one of its own (CORE-130, 132, 134, 148).
   *
   * @param device any device that has appeared
   */
  public void probe(Device device) {
    if (device instanceof PciDevice pci) {
      PciGrouping.Found<Draft> found = search().find(pci);
      join(
          device,
          found == null ? null : found.group(),
          found == null ? List.of() : found.reasons());
    } else if (device.busType() == BusType.FSL_MC) {
      Draft shared = groupOf.get(device.container());
      join(
          device,
          shared,
          shared == null
              ? List.of()
              : List.of(new MergeReason.SharedContainer(device, device.container())));
    } else {
      join(device, null, List.of());
    }
  }

  private PciGrouping<Draft> search() {
    PciGrouping<Draft> current = grouping;
    if (current == null) {
      current = new PciGrouping<>(groupOf::get, bus -> present.getOrDefault(bus, Set.of()), judge);
      grouping = current;
    }
    return current;
  }

  /**
   * Gives a device the one group of its IOMMU instance (CORE-131).
   *
   * @param device any device
   * @param first the device that was probed first behind the instance, or the device itself
   */
  public void probeBehindOneInstance(Device device, Device first) {
    Draft shared = groupOf.get(first);
    join(
        device,
        shared,
        shared == null ? List.of() : List.of(new MergeReason.SharedInstance(device, first)));
  }

  private void join(Device device, @Nullable Draft existing, List<MergeReason> reasons) {
    Draft group = existing;
    if (group == null) {
      group = new Draft(new ArrayList<>());
      groups.add(group);
    }
    group.members.add(new Member(device, reasons));
    groupOf.put(device, group);
  }

  /**
   * What has come out.
   *
   * @return groups numbered in the order in which they were made
   */
  public GroupPrediction result() {
    List<PredictedGroup> predicted = new ArrayList<>(groups.size());
    for (Draft group : groups) {
      predicted.add(new PredictedGroup(predicted.size(), group.members));
    }
    return new GroupPrediction(predicted, without, isolation);
  }
}
