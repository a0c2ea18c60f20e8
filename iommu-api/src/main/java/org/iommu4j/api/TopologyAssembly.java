package org.iommu4j.api;

import static org.iommu4j.api.PciTopology.FunctionBuilder.UNKNOWN;

import com.google.errorprone.annotations.FormatMethod;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.stream.Collectors;
import org.iommu4j.api.PciTopology.FunctionBuilder;
import org.iommu4j.api.PciTopology.Recorded;
import org.jspecify.annotations.Nullable;

/**
 * One build of a topology: refuses what cannot exist, then creates buses and functions.
 *
 * <p>A bridge leads to a bus with a higher number than its own, on real machines and, after the
 * checks, here. So the order of addresses has every bridge before what is below it, and one pass in
 * that order creates everything.
 */
final class TopologyAssembly {
  private static final int NAMED_IN_A_CYCLE = 8;

  private final SortedMap<PciAddress, FunctionBuilder> functions;

  /** The bridge above each function that is not on a root bus. */
  private final Map<PciAddress, PciAddress> parents = new HashMap<>();

  /** The bus number that each bridge leads to; 0 is nowhere. */
  private final Map<PciAddress, Integer> secondaries = new HashMap<>();

  private final Map<PciAddress.Bus, PciAddress> bridges = new HashMap<>();
  private final Map<PciAddress.Bus, PciAddress> firstOnBus = new HashMap<>();
  private final Map<PciAddress.Bus, PciBus> buses = new HashMap<>();
  private final List<PciBus> rootBuses = new ArrayList<>();

  TopologyAssembly(SortedMap<PciAddress, FunctionBuilder> functions) {
    this.functions = functions;
  }

  /** The buses without parent in scan order, once {@link #assemble} has returned. */
  List<PciBus> rootBuses() {
    return rootBuses;
  }

  /** Makes the devices in scan order. */
  Map<PciDevice, Recorded> assemble() {
    functions.values().forEach(this::resolveNamedParent);
    rejectCycles();
    functions.values().forEach(this::claimSecondaryBus);
    functions.keySet().forEach(this::placeBelowParent);
    return create();
  }

  private void resolveNamedParent(FunctionBuilder function) {
    PciAddress at = function.address;
    PciAddress parent = function.parent;
    if (parent == null) {
      return;
    }
    if (!functions.containsKey(parent)) {
      throw refusal(at, "its parent %s is not in the machine", parent);
    }
    if (parent.segment() != at.segment()) {
      throw refusal(at, "its parent %s is in another segment", parent);
    }
    parents.put(at, parent);
    // A guess for bridges without number. Functions are visited in scan order, so the lowest bus
    // below a bridge comes first; higher ones can only be virtual.
    secondaries.putIfAbsent(parent, at.bus());
  }

  private void rejectCycles() {
    Set<PciAddress> settled = new HashSet<>();
    for (PciAddress function : functions.keySet()) {
      Set<PciAddress> path = new LinkedHashSet<>();
      for (PciAddress at = function; at != null && !settled.contains(at); at = parents.get(at)) {
        if (!path.add(at)) {
          throw refusal(at, "is its own ancestor: %s", cycle(at));
        }
      }
      settled.addAll(path);
    }
  }

  private String cycle(PciAddress start) {
    List<PciAddress> members = new ArrayList<>();
    PciAddress at = start;
    do {
      members.add(at);
      at = parents.get(at);
    } while (at != null && !at.equals(start));
    boolean all = members.size() <= NAMED_IN_A_CYCLE;
    return members.stream()
        .limit(NAMED_IN_A_CYCLE)
        .map(PciAddress::toString)
        .collect(Collectors.joining(" below ", "", all ? " below " + start : " and so on"));
  }

  private void claimSecondaryBus(FunctionBuilder bridge) {
    PciAddress at = bridge.address;
    if (bridge.secondaryBus != UNKNOWN) {
      secondaries.put(at, bridge.secondaryBus);
    }
    int number = secondary(at);
    if (number == 0) {
      return;
    }
    if (number <= at.bus()) {
      throw refusal(
          at, "its secondary bus 0x%02x is not above its own bus 0x%02x", number, at.bus());
    }
    if (bridge.subordinateBus != UNKNOWN && bridge.subordinateBus < number) {
      throw refusal(
          at,
          "its subordinate bus 0x%02x is below its secondary bus 0x%02x",
          bridge.subordinateBus,
          number);
    }
    PciAddress.Bus bus = new PciAddress.Bus(at.segment(), number);
    PciAddress other = bridges.putIfAbsent(bus, at);
    if (other != null) {
      throw refusal(at, "leads to bus %s, to which %s leads already", bus, other);
    }
  }

  private int secondary(PciAddress bridge) {
    return secondaries.getOrDefault(bridge, 0);
  }

  private void placeBelowParent(PciAddress function) {
    PciAddress.Bus bus = function.onBus();
    PciAddress leader = bridges.get(bus);
    PciAddress parent = parents.get(function);
    if (parent != null && !parent.equals(leader)) {
      checkVirtual(function, parent, leader);
    } else if (leader != null) {
      parents.put(function, leader);
    }
    PciAddress neighbour = firstOnBus.putIfAbsent(bus, function);
    if (neighbour != null && !Objects.equals(parents.get(neighbour), parents.get(function))) {
      throw refusal(function, "is on one bus with %s, but not below the same bridge", neighbour);
    }
  }

  /** A bus that a bridge forwards to without being the way there is one of virtual functions. */
  private void checkVirtual(PciAddress function, PciAddress parent, @Nullable PciAddress leader) {
    int secondary = secondary(parent);
    if (secondary == 0) {
      throw refusal(function, "its parent %s leads to no bus", parent);
    }
    FunctionBuilder above = functions.get(parent);
    int last = above == null ? UNKNOWN : above.subordinateBus;
    boolean forwarded = function.bus() > secondary && function.bus() <= last;
    if (leader != null || !forwarded) {
      throw refusal(
          function,
          "is on bus 0x%02x, but its parent %s leads to bus 0x%02x",
          function.bus(),
          parent,
          secondary);
    }
  }

  private Map<PciDevice, Recorded> create() {
    Map<PciDevice, Recorded> made = new LinkedHashMap<>();
    Map<PciAddress, PciDevice> byAddress = new HashMap<>();
    for (FunctionBuilder function : functions.values()) {
      PciAddress at = function.address;
      PciBus bus = bus(at);
      PciDevice.Builder builder = PciDevice.builder(bus, at.slot(), at.function());
      function.facts.accept(builder, bus);
      if (function.dmaDevice != null) {
        builder.dmaDevice(issuer(at, function.dmaDevice, byAddress));
      }
      PciDevice device = builder.build();
      byAddress.put(at, device);
      made.put(device, function.recorded(createBelow(at, device)));
    }
    return made;
  }

  private PciDevice issuer(
      PciAddress function, PciAddress issuer, Map<PciAddress, PciDevice> made) {
    PciDevice device = made.get(issuer);
    if (device == null) {
      throw refusal(
          function,
          functions.containsKey(issuer)
              ? "its DMA device %s does not come before it"
              : "its DMA device %s is not in the machine",
          issuer);
    }
    return device;
  }

  private @Nullable PciBus createBelow(PciAddress bridge, PciDevice device) {
    int number = secondary(bridge);
    if (number == 0) {
      return null;
    }
    PciBus below = PciBus.below(device, number);
    buses.put(new PciAddress.Bus(below.segment(), number), below);
    return below;
  }

  private PciBus bus(PciAddress function) {
    PciAddress.Bus bus = function.onBus();
    PciBus known = buses.get(bus);
    if (known != null) {
      return known;
    }
    PciBus made = createWithoutBridge(bus, parents.get(function));
    buses.put(bus, made);
    return made;
  }

  private PciBus createWithoutBridge(PciAddress.Bus bus, @Nullable PciAddress parent) {
    if (parent == null) {
      PciBus root = PciBus.root(bus.segment(), bus.number());
      rootBuses.add(root);
      return root;
    }
    PciBus above = buses.get(new PciAddress.Bus(bus.segment(), secondary(parent)));
    return PciBus.virtual(Objects.requireNonNull(above, "created before"), bus.number());
  }

  @FormatMethod
  private static TopologyException refusal(
      PciAddress function, String problem, Object... operands) {
    return new TopologyException(function.toString(), String.format(problem, operands));
  }
}
