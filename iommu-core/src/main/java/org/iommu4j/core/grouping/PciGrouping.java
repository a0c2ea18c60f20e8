package org.iommu4j.core.grouping;

import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.jspecify.annotations.Nullable;

/**
 * Finds the existing group that isolation forces a PCI function into (CORE-134 to 143).
 *
 * <p>Only devices that have a group already influence the answer, and two groups are never merged:
 * membership is decided once per device, at its probe (CORE-145).
 *
 * @param <G> what stands for a group
 */
public final class PciGrouping<G> {
  private static final int DEVFNS = 256;

  private final Function<PciDevice, @Nullable G> groupOf;
  private final List<PciDevice> present;

  /**
   * Prepares a search.
   *
   * @param groupOf the present group of a device
   * @param present the PCI devices of the machine in the order in which they appeared
   */
  public PciGrouping(Function<PciDevice, @Nullable G> groupOf, List<PciDevice> present) {
    this.groupOf = groupOf;
    this.present = present;
  }

  /**
   * Searches.
   *
   * @param device the function being probed
   * @return an existing group, or null if a new one must be made
   */
  public @Nullable G find(PciDevice device) {
    // Step 1: whoever issues the DMA on the device's behalf; the last one seen is examined further.
    PciDevice subject = device;
    for (DmaAliases.Alias alias : DmaAliases.of(device)) {
      subject = alias.device();
      G group = groupOf.apply(subject);
      if (group != null) {
        return group;
      }
    }
    // Step 2: climb until the whole path above is isolated.
    for (PciBus bus = subject.bus(); bus != null && !bus.isRoot(); bus = bus.parent()) {
      PciDevice bridge = bus.bridge();
      if (bridge == null) {
        continue;
      }
      if (Acs.pathIsolates(bridge)) {
        break;
      }
      subject = bridge;
      G group = groupOf.apply(bridge);
      if (group != null) {
        return group;
      }
    }
    // Steps 3 and 4 share the memory of what was examined, or two aliases could recurse for ever.
    BitSet examined = new BitSet(DEVFNS);
    G group = amongAliases(subject, examined);
    return group != null ? group : amongFunctions(subject, examined);
  }

  /** Step 3: functions of the same bus that share a requester id (CORE-142). */
  private @Nullable G amongAliases(PciDevice subject, BitSet examined) {
    if (examined.get(subject.devfn())) {
      return null;
    }
    examined.set(subject.devfn());
    G own = groupOf.apply(subject);
    if (own != null) {
      return own;
    }
    for (PciDevice other : present) {
      if (other == subject || other.bus() != subject.bus() || !DmaAliases.shared(subject, other)) {
        continue;
      }
      G group = amongAliases(other, examined);
      if (group == null) {
        group = amongFunctions(other, examined);
      }
      if (group != null) {
        return group;
      }
    }
    return null;
  }

  /** Step 4: functions of the same slot that are not isolated from each other (CORE-143). */
  private @Nullable G amongFunctions(PciDevice subject, BitSet examined) {
    if (!subject.multifunction() || Acs.isolates(subject)) {
      return null;
    }
    for (PciDevice other : present) {
      boolean sibling =
          other != subject && other.bus() == subject.bus() && other.slot() == subject.slot();
      if (!sibling || Acs.isolates(other)) {
        continue;
      }
      G group = amongAliases(other, examined);
      if (group != null) {
        return group;
      }
    }
    return null;
  }
}
