package org.iommu4j.core.grouping;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;

/** Under which requester ids the DMA of a function may arrive (CORE-136, 137). */
public final class DmaAliases {
  private DmaAliases() {}

  /**
   * One alias.
   *
   * @param device who issues it: the device or a bridge above it
   * @param requesterId bus number x 256 + devfn
   */
  public record Alias(PciDevice device, int requesterId) {}

  /**
   * All aliases in the order of the walk, the device's own id first.
   *
   * @param device the function
   * @return at least one alias
   */
  public static List<Alias> of(PciDevice device) {
    List<Alias> aliases = new ArrayList<>();
    aliases.add(new Alias(device, device.requesterId()));
    for (int devfn : new TreeSet<>(device.aliasDevfns())) {
      aliases.add(new Alias(device, device.bus().number() << 8 | devfn));
    }
    for (PciBus bus = device.bus(); bus != null && !bus.isRoot(); bus = bus.parent()) {
      PciDevice bridge = bus.bridge();
      if (bridge == null) {
        continue;
      }
      if (bridge.is(PciDevice.Flag.TRANSLATION_ROOT)) {
        break;
      }
      addBridge(bridge, bus.number(), aliases);
    }
    return aliases;
  }

  private static void addBridge(PciDevice bridge, int secondaryBus, List<Alias> aliases) {
    int firstBelow = secondaryBus << 8;
    switch (bridge.pcieType()) {
      case PCIE_TO_PCI_BRIDGE -> {
        if (!bridge.is(PciDevice.Flag.NO_BRIDGE_ALIAS)) {
          aliases.add(new Alias(bridge, firstBelow));
        }
      }
      case PCI_TO_PCIE_BRIDGE -> aliases.add(new Alias(bridge, bridge.requesterId()));
      case CONVENTIONAL ->
          aliases.add(
              new Alias(
                  bridge,
                  bridge.is(PciDevice.Flag.ALIAS_LIKE_PCIE_BRIDGE)
                      ? firstBelow
                      : bridge.requesterId()));
      default -> {
        // Express ports forward requester ids unchanged.
      }
    }
  }

  /**
   * Whether two functions of one bus share a requester id (CORE-144).
   *
   * @param one a function
   * @param other another
   * @return true if either may use the other's number
   */
  public static boolean shared(PciDevice one, PciDevice other) {
    return one.aliasDevfns().contains(other.devfn()) || other.aliasDevfns().contains(one.devfn());
  }
}
