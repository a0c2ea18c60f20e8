package org.iommu4j.core.grouping;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.api.grouping.SplitAdvice;
import org.iommu4j.api.grouping.WhatIf;

/** Finds out what splits a group: gives all that is open its ACS, then takes back what is idle. */
public final class SplitFinder {
  private final WhatIf whatIf;
  private final GroupPrediction before;
  private final Function<WhatIf, GroupPrediction> predict;

  /**
   * Prepares a search.
   *
   * @param whatIf the changes under which the group was foreseen
   * @param before the prediction with the group
   * @param predict the prediction for other changes
   */
  public SplitFinder(
      WhatIf whatIf, GroupPrediction before, Function<WhatIf, GroupPrediction> predict) {
    this.whatIf = whatIf;
    this.before = before;
    this.predict = predict;
  }

  /**
   * Searches.
   *
   * @param group a group of the prediction
   * @return what splits it into as many parts as possible
   */
  public SplitAdvice split(PredictedGroup group) {
    List<SplitAdvice.Change> changes = candidates(group);
    List<List<Device>> parts = parts(group, changes);
    if (parts.size() < 2) {
      return new SplitAdvice(List.of(), List.of(group.devices()));
    }
    for (int i = changes.size() - 1; i >= 0; i--) {
      List<SplitAdvice.Change> fewer = new ArrayList<>(changes);
      fewer.remove(i);
      if (parts(group, fewer).equals(parts)) {
        changes = fewer;
      }
    }
    return new SplitAdvice(changes, parts);
  }

  private List<List<Device>> parts(PredictedGroup group, List<SplitAdvice.Change> changes) {
    WhatIf changed = whatIf;
    for (SplitAdvice.Change change : changes) {
      changed = changed.acs(change.device(), AcsBits.REQUIRED);
    }
    GroupPrediction after = predict.apply(changed);
    Map<Integer, List<Device>> parts = new LinkedHashMap<>();
    for (Device device : group.devices()) {
      after
          .groupOf(device)
          .ifPresent(part -> parts.computeIfAbsent(part.id(), id -> new ArrayList<>()).add(device));
    }
    return List.copyOf(parts.values());
  }

  /** Members and the bridges above them that are not isolated, and that ACS could isolate. */
  private List<SplitAdvice.Change> candidates(PredictedGroup group) {
    Set<PciDevice> involved = new LinkedHashSet<>();
    for (Device member : group.devices()) {
      if (member instanceof PciDevice function) {
        involve(function, involved);
        involve(function.dmaDevice(), involved);
      }
    }
    List<SplitAdvice.Change> changes = new ArrayList<>();
    for (PciDevice device : involved) {
      before.isolationOf(device).ifPresent(isolation -> consider(isolation, changes));
    }
    return changes;
  }

  private static void involve(PciDevice function, Set<PciDevice> involved) {
    involved.add(function);
    for (PciBus bus = function.bus(); bus != null; bus = bus.parent()) {
      if (bus.bridge() != null) {
        involved.add(bus.bridge());
      }
    }
  }

  private static void consider(Isolation isolation, List<SplitAdvice.Change> changes) {
    PciDevice device = isolation.device();
    if (isolation instanceof Isolation.AcsOff off) {
      changes.add(new SplitAdvice.Change(device, off.missing(), true));
    } else if (isolation instanceof Isolation.WideAcs wide && !wide.isolated()) {
      changes.add(new SplitAdvice.Change(device, wide.missing(), true));
    } else if (isolation instanceof Isolation.NoAcs
        || (isolation instanceof Isolation.Known known && !known.isolated())) {
      changes.add(new SplitAdvice.Change(device, AcsBits.REQUIRED, false));
    }
  }
}
