package org.iommu4j.testkit.persona;

import java.util.LinkedHashSet;
import java.util.Set;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PcieType;

/** The ids under which the DMA of a function arrives at its IOMMU (CORE-136, 137). */
final class DmaIds {
  private DmaIds() {}

  /** In the order of the way up, the function's own id first. */
  static Set<Integer> of(PciDevice device) {
    Set<Integer> ids = new LinkedHashSet<>();
    ids.add(device.requesterId());
    device.aliasDevfns().stream()
        .sorted()
        .forEach(devfn -> ids.add(device.bus().number() << 8 | devfn));
    for (PciBus bus = device.bus(); bus != null; bus = bus.parent()) {
      PciDevice bridge = bus.bridge();
      if (bridge == null) {
        continue;
      }
      if (bridge.is(PciDevice.Flag.TRANSLATION_ROOT)) {
        break;
      }
      addBridge(bridge, bus.number() << 8, ids);
    }
    return ids;
  }

  /** Bridges to or from conventional PCI speak for what is below them. */
  private static void addBridge(PciDevice bridge, int firstBelow, Set<Integer> ids) {
    PcieType type = bridge.pcieType();
    if (type == PcieType.PCIE_TO_PCI_BRIDGE) {
      if (!bridge.is(PciDevice.Flag.NO_BRIDGE_ALIAS)) {
        ids.add(firstBelow);
      }
    } else if (type == PcieType.CONVENTIONAL && bridge.is(PciDevice.Flag.ALIAS_LIKE_PCIE_BRIDGE)) {
      ids.add(firstBelow);
    } else if (type == PcieType.CONVENTIONAL || type == PcieType.PCI_TO_PCIE_BRIDGE) {
      ids.add(bridge.requesterId());
    }
  }
}
