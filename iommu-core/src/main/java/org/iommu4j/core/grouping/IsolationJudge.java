package org.iommu4j.core.grouping;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.WhatIf;
import org.jspecify.annotations.Nullable;

/**
 * Whether functions, and the ways from them to the root, are isolated (CORE-138 to 141).
 *
 * <p>Remembers its answers, so it is made anew for every search on a machine that can change. Not
 * thread-safe.
 */
final class IsolationJudge {
  private final WhatIf whatIf;
  private final Map<PciDevice, Isolation> answers = new HashMap<>();
  private final Map<PciDevice, Optional<Isolation>> paths = new HashMap<>();

  IsolationJudge(WhatIf whatIf) {
    this.whatIf = whatIf;
  }

  /** Whether a function is isolated, and why (CORE-140). */
  Isolation of(PciDevice device) {
    Isolation known = answers.get(device);
    if (known == null) {
      known = decide(device);
      answers.put(device, known);
    }
    return known;
  }

  /** The lowest bridge that is not isolated, from a bridge up to the root (CORE-138). */
  Optional<Isolation> openAbove(PciDevice bridge) {
    Optional<Isolation> known = paths.get(bridge);
    if (known == null) {
      known = findOpen(bridge);
      paths.put(bridge, known);
    }
    return known;
  }

  private Optional<Isolation> findOpen(PciDevice bridge) {
    Isolation own = of(bridge);
    if (!own.isolated()) {
      return Optional.of(own);
    }
    PciDevice above = bridgeAbove(bridge);
    return above == null ? Optional.empty() : openAbove(above);
  }

  private static @Nullable PciDevice bridgeAbove(PciDevice device) {
    for (PciBus bus = device.bus(); bus != null; bus = bus.parent()) {
      if (bus.bridge() != null) {
        return bus.bridge();
      }
    }
    return null;
  }

  private Isolation decide(PciDevice device) {
    Optional<Boolean> known = device.knownIsolation();
    boolean overridden = whatIf.overrides(device);
    if (known.isPresent() && whatIf.acs(device).isEmpty() && (known.get() || !overridden)) {
      return new Isolation.Known(device, known.get());
    }
    Isolation listed = AcsQuirks.answer(device);
    if (listed != null) {
      return listed;
    }
    return overridden ? new Isolation.Overridden(device) : byType(device);
  }

  private Isolation byType(PciDevice device) {
    return switch (device.pcieType()) {
      case CONVENTIONAL, PCI_TO_PCIE_BRIDGE, PCIE_TO_PCI_BRIDGE, EVENT_COLLECTOR ->
          new Isolation.NeverByType(device);
      case ROOT_PORT, DOWNSTREAM_PORT -> byAcs(device);
      case ENDPOINT, LEGACY_ENDPOINT, INTEGRATED_ENDPOINT, UPSTREAM_PORT ->
          device.multifunction() ? byAcs(device) : new Isolation.SingleFunction(device);
    };
  }

  /** A control that is not implemented counts as satisfied (CORE-141). */
  private Isolation byAcs(PciDevice device) {
    OptionalInt given = whatIf.acs(device);
    if (!device.hasAcs() && given.isEmpty()) {
      return new Isolation.NoAcs(device);
    }
    int capability = AcsQuirks.workingCapability(device);
    if (given.isPresent()) {
      capability = device.hasAcs() ? capability | given.getAsInt() : AcsBits.ALL;
    }
    boolean wide = AcsQuirks.hasWideAcs(device);
    boolean unread = wide && device.wideAcsControl().isEmpty();
    int control =
        given.orElse(wide ? device.wideAcsControl().orElse(AcsBits.REQUIRED) : device.acsControl());
    if (given.isEmpty() && whatIf.isAcsEnabled()) {
      control |= AcsBits.REQUIRED & capability;
    }
    int missing = AcsBits.REQUIRED & capability & ~control;
    if (wide) {
      return new Isolation.WideAcs(device, missing, unread && given.isEmpty());
    }
    return missing == 0
        ? new Isolation.AcsOn(device, AcsBits.REQUIRED & ~capability)
        : new Isolation.AcsOff(device, missing);
  }
}
