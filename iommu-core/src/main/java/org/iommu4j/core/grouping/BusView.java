package org.iommu4j.core.grouping;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import org.iommu4j.api.PciDevice;
import org.jspecify.annotations.Nullable;

/** The functions of one bus at one moment, ordered for the two questions that grouping asks. */
final class BusView {
  private static final int SLOTS = 32;

  private final PciDevice[] functions;

  /** Further requester ids of each function, beside it; null if no function here has any. */
  private final BitSet @Nullable [] masks;

  private final boolean delegated;
  private final List<List<PciDevice>> slots = new ArrayList<>(SLOTS);

  BusView(Collection<PciDevice> present) {
    functions = present.toArray(PciDevice[]::new);
    for (int slot = 0; slot < SLOTS; slot++) {
      slots.add(List.of());
    }
    BitSet[] found = new BitSet[functions.length];
    boolean any = false;
    boolean otherIssuers = false;
    for (int i = 0; i < functions.length; i++) {
      PciDevice function = functions[i];
      found[i] = DmaAliases.mask(function);
      any |= !found[i].isEmpty();
      otherIssuers |= function.dmaDevice() != function;
      if (slots.get(function.slot()).isEmpty()) {
        slots.set(function.slot(), new ArrayList<>(2));
      }
      slots.get(function.slot()).add(function);
    }
    masks = any ? found : null;
    delegated = otherIssuers;
  }

  /** The functions of a slot in the order in which they appeared. */
  List<PciDevice> inSlot(int slot) {
    return slots.get(slot);
  }

  /** The functions that share a requester id with another, in the order in which they appeared. */
  List<PciDevice> sharingWith(PciDevice subject) {
    BitSet own = DmaAliases.mask(subject);
    if (masks == null && !delegated && own.isEmpty() && subject.dmaDevice() == subject) {
      return List.of();
    }
    List<PciDevice> sharing = new ArrayList<>();
    for (int i = 0; i < functions.length; i++) {
      PciDevice other = functions[i];
      boolean shared =
          own.get(other.devfn())
              || (masks != null && masks[i].get(subject.devfn()))
              || other.dmaDevice() == subject
              || subject.dmaDevice() == other;
      if (shared && other != subject) {
        sharing.add(other);
      }
    }
    return sharing;
  }
}
