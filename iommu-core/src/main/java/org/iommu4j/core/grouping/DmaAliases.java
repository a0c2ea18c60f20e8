package org.iommu4j.core.grouping;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;

/** Under which requester ids the DMA of a function may arrive (CORE-136, 137). */
public final class DmaAliases {
  private static final int DEVFNS = 256;
  private static final BitSet NONE = new BitSet();

  private DmaAliases() {}

  /**
   * One alias.
   *
   * @param device who issues it: the device or a bridge above it
   * @param requesterId bus number x 256 + devfn
   */
  public record Alias(PciDevice device, int requesterId) {}

  /**
   * All aliases in the order of the walk: first the own id of the device, or of the controller that
   * does its DMA (PCIQ-084).
   *
   * @param device the function
   * @return at least one alias
   */
  public static List<Alias> of(PciDevice device) {
    PciDevice issuer = device.dmaDevice();
    List<Alias> aliases = new ArrayList<>();
    aliases.add(new Alias(issuer, issuer.requesterId()));
    mask(issuer).stream()
        .forEach(devfn -> aliases.add(new Alias(issuer, issuer.bus().number() << 8 | devfn)));
    for (PciBus bus = issuer.bus(); bus != null && !bus.isRoot(); bus = bus.parent()) {
      PciDevice bridge = bus.bridge();
      if (bridge == null) {
        continue;
      }
      if (BridgeQuirks.is(bridge, PciDevice.Flag.TRANSLATION_ROOT)) {
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
        if (!BridgeQuirks.is(bridge, PciDevice.Flag.NO_BRIDGE_ALIAS)) {
          aliases.add(new Alias(bridge, firstBelow));
        }
      }
      case PCI_TO_PCIE_BRIDGE -> aliases.add(new Alias(bridge, bridge.requesterId()));
      case CONVENTIONAL ->
          aliases.add(
              new Alias(
                  bridge,
                  BridgeQuirks.is(bridge, PciDevice.Flag.ALIAS_LIKE_PCIE_BRIDGE)
                      ? firstBelow
                      : bridge.requesterId()));
      default -> {
        // Express ports forward requester ids unchanged.
      }
    }
  }

  /** The further numbers on its bus under which a function does DMA, by its facts and by tables. */
  static BitSet mask(PciDevice device) {
    if (device.aliasDevfns().isEmpty() && !AliasQuirks.mayConcern(device)) {
      return NONE;
    }
    BitSet mask = new BitSet(DEVFNS);
    device.aliasDevfns().forEach(mask::set);
    AliasQuirks.add(device, mask);
    return mask;
  }

  /**
   * Whether two functions share a requester id (CORE-144).
   *
   * @param one a function
   * @param other another on the same bus
   * @return true if either may use the other's number, or does the other's DMA
   */
  public static boolean shared(PciDevice one, PciDevice other) {
    return mask(one).get(other.devfn())
        || mask(other).get(one.devfn())
        || one.dmaDevice() == other
        || other.dmaDevice() == one;
  }
}
