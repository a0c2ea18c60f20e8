package org.iommu4j.topology;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PcieType;
import org.jspecify.annotations.Nullable;

/** The functions of one {@code lspci} text, and what only all of them together show. */
final class LspciMachine {
  /** More than any device has; a damaged text may claim more. */
  private static final int MOST_VIRTUAL = 1024;

  private static final int HOST_BRIDGE = 0x0600;
  private static final int PCI_BRIDGE = 0x0604;

  private final String sourceName;
  private final PciTopology.Builder builder;
  private final List<LspciFunction> functions = new ArrayList<>();

  /** What leads, or may lead, to other buses, by segment and in the order of addresses. */
  private final Map<Long, List<Map.Entry<Place, LspciFunction>>> bridges = new HashMap<>();

  /** In the order of addresses, so that bridges come before what is below them. */
  private final Map<Place, LspciFunction> byPlace = new TreeMap<>();

  LspciMachine(String sourceName, List<LspciBlocks.Block> blocks) {
    this.sourceName = sourceName;
    this.builder = PciTopology.builder(nameOf(sourceName));
    for (LspciBlocks.Block block : blocks) {
      functions.add(LspciFunction.read(block));
    }
    dropSecondListing();
  }

  private static String nameOf(String sourceName) {
    int folder = Math.max(sourceName.lastIndexOf('/'), sourceName.lastIndexOf('\\'));
    return sourceName.substring(folder + 1).replaceFirst("\\.(?:txt|log|lspci)$", "");
  }

  /** An address as a number: segment, bus and devfn. */
  private record Place(long segment, int bus, int devfn) implements Comparable<Place> {
    static Place of(String address) {
      int tail = address.length() - "00:00.0".length();
      long segment = tail == 0 ? 0 : Long.parseLong(address.substring(0, tail - 1), 16);
      int bus = Integer.parseInt(address.substring(tail, tail + 2), 16);
      int slot = Integer.parseInt(address.substring(tail + 3, tail + 5), 16);
      return new Place(segment, bus, slot * 8 + address.charAt(tail + 6) - '0');
    }

    Place onBus() {
      return new Place(segment, bus, 0);
    }

    Place plus(int requesterIds) {
      int id = (bus << 8 | devfn) + requesterIds;
      return new Place(segment, id >> 8, id & 0xff);
    }

    @Override
    public int compareTo(Place other) {
      int bySegment = Long.compare(segment, other.segment);
      return bySegment != 0
          ? bySegment
          : Integer.compare(bus << 8 | devfn, other.bus << 8 | other.devfn);
    }
  }

  /** Reports often hold a short listing before the long one: the longest block of each counts. */
  private void dropSecondListing() {
    Set<LspciFunction> dropped = new HashSet<>();
    for (LspciFunction function : functions) {
      LspciFunction other = byPlace.putIfAbsent(Place.of(function.facts.address), function);
      if (other == null) {
        continue;
      }
      if (other.isVerbose() && function.isVerbose()) {
        return; // two long ones contradict each other, which the assembly refuses
      }
      boolean better = function.isVerbose();
      dropped.add(better ? other : function);
      if (better) {
        byPlace.put(Place.of(function.facts.address), function);
      }
    }
    functions.removeAll(dropped);
  }

  /** Takes groups that are written beside the listing, unless the listing has its own. */
  void addGroups(Map<String, Integer> groups) {
    if (functions.stream().anyMatch(function -> function.facts.group != null)) {
      return;
    }
    for (LspciFunction function : functions) {
      function.facts.group = groups.get(GroupLines.full(function.facts.address));
    }
  }

  PciTopology assemble() {
    markVirtualFunctions();
    settleBridges();
    placeBusesWithoutBridge();
    note();
    List<FunctionFacts> facts = functions.stream().map(function -> function.facts).toList();
    return new Assembly(builder, sourceName, facts).assemble();
  }

  private void markVirtualFunctions() {
    byPlace.forEach(
        (place, physical) -> {
          for (int i = 0; i < Math.min(MOST_VIRTUAL, physical.virtualFunctions); i++) {
            LspciFunction virtual =
                byPlace.get(place.plus(physical.virtualOffset + i * physical.virtualStride));
            if (virtual != null && virtual != physical) {
              virtual.facts.virtualFunction = true;
            }
          }
        });
  }

  /** Numbers that firmware or a sleeping bridge left behind lead nowhere. */
  private void settleBridges() {
    Map<Place, LspciFunction> leaders = new HashMap<>();
    byPlace.forEach(
        (place, bridge) -> {
          FunctionFacts facts = bridge.facts;
          if (facts.secondaryBus == null || facts.secondaryBus == 0) {
            facts.subordinateBus = null;
            return;
          }
          int secondary = facts.secondaryBus;
          Place bus = new Place(place.segment, secondary, 0);
          LspciFunction other = leaders.get(bus);
          if (secondary <= place.bus || other != null) {
            builder.note(
                facts.address
                    + String.format(" claims to lead to bus %02x", secondary)
                    + (other == null
                        ? ", which is not above its own: taken to lead nowhere"
                        : ", to which " + other.facts.address + " leads: taken to lead nowhere"));
            facts.secondaryBus = 0;
            facts.subordinateBus = null;
            return;
          }
          if (facts.subordinateBus != null && facts.subordinateBus < secondary) {
            facts.subordinateBus = null;
          }
          leaders.put(bus, bridge);
        });
  }

  private void placeBusesWithoutBridge() {
    Set<Place> led = new HashSet<>();
    byPlace.forEach(
        (place, bridge) -> {
          if (bridge.facts.secondaryBus != null) {
            led.add(new Place(place.segment, bridge.facts.secondaryBus, 0));
          }
        });
    for (Map.Entry<Place, LspciFunction> entry : byPlace.entrySet()) {
      if (entry.getValue().facts.secondaryBus != null || entry.getValue().isUnanswered()) {
        bridges.computeIfAbsent(entry.getKey().segment, segment -> new ArrayList<>()).add(entry);
      }
    }
    Map<Place, List<LspciFunction>> without = new TreeMap<>();
    byPlace.forEach(
        (place, function) -> {
          if (!led.contains(place.onBus())) {
            without.computeIfAbsent(place.onBus(), bus -> new ArrayList<>()).add(function);
          }
        });
    without.forEach(this::place);
  }

  private void place(Place bus, List<LspciFunction> onIt) {
    if (onIt.stream().anyMatch(LspciMachine::isOnRootBus)) {
      return;
    }
    LspciFunction silent = silentBridgeAbove(bus);
    if (silent != null && onIt.stream().noneMatch(function -> function.facts.virtualFunction)) {
      silent.facts.secondaryBus = bus.bus;
      builder.note(
          silent.facts.address
              + " does not answer; it is taken for the bridge to bus "
              + String.format("%02x", bus.bus));
      return;
    }
    LspciFunction above = forwarderTo(bus);
    if (above != null) {
      onIt.forEach(function -> function.facts.parent = above.facts.address);
    }
  }

  private static boolean isOnRootBus(LspciFunction function) {
    PcieType type = function.facts.pcieType;
    return type == PcieType.ROOT_PORT
        || type == PcieType.INTEGRATED_ENDPOINT
        || type == PcieType.EVENT_COLLECTOR
        || function.facts.classNumber() >> 8 == HOST_BRIDGE;
  }

  /** The innermost bridge that forwards to a bus to which none leads. */
  private @Nullable LspciFunction forwarderTo(Place bus) {
    LspciFunction innermost = null;
    for (Map.Entry<Place, LspciFunction> entry : bridges.getOrDefault(bus.segment, List.of())) {
      FunctionFacts facts = entry.getValue().facts;
      boolean forwards =
          facts.secondaryBus != null
              && facts.secondaryBus != 0
              && facts.subordinateBus != null
              && facts.secondaryBus < bus.bus
              && bus.bus <= facts.subordinateBus;
      if (forwards && (innermost == null || outer(innermost.facts) < outer(facts))) {
        innermost = entry.getValue();
      }
    }
    return innermost;
  }

  private static int outer(FunctionFacts facts) {
    return facts.secondaryBus == null ? 0 : facts.secondaryBus;
  }

  /** A bridge without an answer, on the bus from which a bus must be reached. */
  private @Nullable LspciFunction silentBridgeAbove(Place bus) {
    LspciFunction above = forwarderTo(bus);
    for (Map.Entry<Place, LspciFunction> entry : bridges.getOrDefault(bus.segment, List.of())) {
      FunctionFacts facts = entry.getValue().facts;
      boolean silent =
          entry.getValue().isUnanswered()
              && facts.secondaryBus == null
              && facts.classNumber() >> 8 == PCI_BRIDGE;
      if (silent
          && entry.getKey().bus < bus.bus
          && (above == null || entry.getKey().bus >= outer(above.facts))) {
        return entry.getValue();
      }
    }
    return null;
  }

  private void note() {
    new LspciNotes(builder, functions).add();
  }
}
