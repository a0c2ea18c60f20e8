package org.iommu4j.cli.groups;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.grouping.GroupPrediction;

/**
 * The groups that were foreseen beside those that were recorded.
 *
 * @param recorded how many groups were recorded
 * @param missing recorded groups that were not foreseen
 * @param extra groups that were foreseen and not recorded
 * @param numbers functions whose group has another number, if that was to be compared
 */
record Comparison(
    int recorded, List<Set<String>> missing, List<Set<String>> extra, List<String> numbers) {
  static Comparison of(PciTopology topology, GroupPrediction prediction, boolean ids) {
    Set<Set<String>> recorded = new HashSet<>();
    if (topology.recordedGroups().isEmpty()) {
      return new Comparison(0, List.of(), List.of(), List.of());
    }
    topology.recordedGroups().values().forEach(members -> recorded.add(names(members)));
    Set<Set<String>> foreseen = new HashSet<>();
    prediction.groups().forEach(group -> foreseen.add(names(group.devices())));
    return new Comparison(
        recorded.size(),
        without(recorded, foreseen),
        without(foreseen, recorded),
        ids ? otherNumbers(topology, prediction) : List.of());
  }

  private static Set<String> names(List<? extends Device> devices) {
    Set<String> names = new TreeSet<>();
    devices.forEach(device -> names.add(device.name()));
    return names;
  }

  private static List<Set<String>> without(Set<Set<String>> some, Set<Set<String>> others) {
    List<Set<String>> rest = new ArrayList<>(some);
    rest.removeAll(others);
    rest.sort(Comparator.comparing(Set::toString));
    return rest;
  }

  private static List<String> otherNumbers(PciTopology topology, GroupPrediction prediction) {
    List<String> others = new ArrayList<>();
    for (PciDevice device : topology.devices()) {
      int recorded = topology.recordedGroup(device).orElse(-1);
      int foreseen = prediction.groupOf(device).map(group -> group.id()).orElse(-1);
      if (recorded != foreseen) {
        others.add(device + ": recorded in group " + recorded + ", foreseen in " + foreseen);
      }
    }
    return others;
  }

  boolean isExact() {
    return recorded > 0 && missing.isEmpty() && extra.isEmpty() && numbers.isEmpty();
  }
}
