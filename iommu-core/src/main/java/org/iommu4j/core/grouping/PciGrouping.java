package org.iommu4j.core.grouping;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.MergeReason;
import org.iommu4j.api.grouping.WhatIf;
import org.jspecify.annotations.Nullable;

/**
 * Finds the existing group that isolation forces a PCI function into (CORE-134 to 143).
 *
 * <p>Only devices that have a group already influence the answer, and two groups are never merged:
 * membership is decided once per device, at its probe (CORE-145). The probe of a live core and the
 * prediction for a described machine both search here.
 *
 * @param <G> what stands for a group
 */
public final class PciGrouping<G> {
  private static final int DEVFNS = 256;

  private final Function<PciDevice, @Nullable G> groupOf;
  private final Function<PciBus, ? extends Collection<PciDevice>> present;
  private final IsolationJudge judge;
  private final Map<PciBus, BusView> views = new HashMap<>();

  /**
   * Prepares searches on a machine as it is. Each bus is looked at once, so whoever adds or removes
   * functions prepares anew.
   *
   * @param groupOf the present group of a device
   * @param present the functions of a bus in the order in which they appeared
   */
  public PciGrouping(
      Function<PciDevice, @Nullable G> groupOf,
      Function<PciBus, ? extends Collection<PciDevice>> present) {
    this(groupOf, present, new IsolationJudge(WhatIf.NOTHING));
  }

  PciGrouping(
      Function<PciDevice, @Nullable G> groupOf,
      Function<PciBus, ? extends Collection<PciDevice>> present,
      IsolationJudge judge) {
    this.groupOf = groupOf;
    this.present = present;
    this.judge = judge;
  }

  /**
   * An existing group and the way to it.
   *
   * @param group the group
   * @param reasons the steps from the device to the member whose group it is
   * @param <G> what stands for a group
   */
  public record Found<G>(G group, List<MergeReason> reasons) {}

  /**
   * Searches.
   *
   * @param device the function being probed
   * @return an existing group, or null if a new one must be made
   */
  public @Nullable Found<G> find(PciDevice device) {
    return new Search().find(device);
  }

  /** One search; the path holds the steps that led to the function looked at. */
  private final class Search {
    private final List<MergeReason> path = new ArrayList<>(4);

    /**
     * Steps 3 and 4 share the memory of what was examined, or two aliases could recurse forever.
     */
    private final BitSet examined = new BitSet(DEVFNS);

    @Nullable Found<G> find(PciDevice device) {
      PciDevice subject = device;
      // Step 1: whoever issues the DMA on the device's behalf; the last one is examined further.
      for (DmaAliases.Alias alias : DmaAliases.of(device)) {
        if (alias.device() != subject) {
          path.add(
              alias.device() == device.dmaDevice()
                  ? new MergeReason.IssuedBy(subject, alias.device())
                  : new MergeReason.BridgeAlias(subject, alias.device(), alias.requesterId()));
          subject = alias.device();
        }
        G group = groupOf.apply(subject);
        if (group != null) {
          return found(group);
        }
      }
      // Step 2: climb until the whole path above is isolated.
      for (PciBus bus = subject.bus(); bus != null && !bus.isRoot(); bus = bus.parent()) {
        PciDevice bridge = bus.bridge();
        if (bridge == null) {
          continue;
        }
        Optional<Isolation> open = judge.openAbove(bridge);
        if (open.isEmpty()) {
          break;
        }
        path.add(new MergeReason.OpenPath(subject, bridge, open.get()));
        subject = bridge;
        G group = groupOf.apply(bridge);
        if (group != null) {
          return found(group);
        }
      }
      G group = amongAliases(subject);
      if (group == null) {
        group = amongFunctions(subject);
      }
      return group == null ? null : found(group);
    }

    private Found<G> found(G group) {
      return new Found<>(group, List.copyOf(path));
    }

    /** Step 3: functions of the same bus that share a requester id (CORE-142). */
    private @Nullable G amongAliases(PciDevice subject) {
      if (examined.get(subject.devfn())) {
        return null;
      }
      examined.set(subject.devfn());
      G own = groupOf.apply(subject);
      if (own != null) {
        return own;
      }
      for (PciDevice other : view(subject.bus()).sharingWith(subject)) {
        path.add(sharedId(subject, other));
        G group = amongAliases(other);
        if (group == null) {
          group = amongFunctions(other);
        }
        if (group != null) {
          return group;
        }
        path.remove(path.size() - 1);
      }
      return null;
    }

    /** Step 4: functions of the same slot that are not isolated from each other (CORE-143). */
    private @Nullable G amongFunctions(PciDevice subject) {
      if (!subject.multifunction()) {
        return null;
      }
      Isolation here = judge.of(subject);
      if (here.isolated()) {
        return null;
      }
      for (PciDevice other : view(subject.bus()).inSlot(subject.slot())) {
        if (other == subject) {
          continue;
        }
        Isolation there = judge.of(other);
        if (there.isolated()) {
          continue;
        }
        path.add(new MergeReason.OpenSlot(subject, other, here, there));
        G group = amongAliases(other);
        if (group != null) {
          return group;
        }
        path.remove(path.size() - 1);
      }
      return null;
    }

    private static MergeReason sharedId(PciDevice one, PciDevice other) {
      boolean usedByOne = DmaAliases.mask(one).get(other.devfn());
      if (usedByOne || DmaAliases.mask(other).get(one.devfn())) {
        PciDevice owner = usedByOne ? one : other;
        PciDevice used = usedByOne ? other : one;
        return new MergeReason.SharedRequesterId(one, other, used.requesterId(), owner);
      }
      return new MergeReason.IssuedBy(one, other);
    }
  }

  private BusView view(PciBus bus) {
    return views.computeIfAbsent(bus, number -> new BusView(present.apply(number)));
  }
}
