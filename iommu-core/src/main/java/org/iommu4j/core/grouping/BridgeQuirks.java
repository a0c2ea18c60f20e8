package org.iommu4j.core.grouping;

import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciDevice.Flag;
import org.iommu4j.api.PcieType;

/** Bridges that are known to put unusual requester ids on what passes them (PCIQ-090 to 092). */
final class BridgeQuirks {
  private BridgeQuirks() {}

  /** Whether a bridge has a property, by its own facts or by its ids. */
  static boolean is(PciDevice bridge, Flag flag) {
    return bridge.is(flag) || (bridge.vendorId() != 0 && isListed(bridge, flag));
  }

  private static boolean isListed(PciDevice bridge, Flag flag) {
    int id = bridge.vendorId() << 16 | bridge.deviceId();
    return switch (flag) {
      case ALIAS_LIKE_PCIE_BRIDGE -> isHiddenExpressBridge(bridge, id);
      case TRANSLATION_ROOT -> id == 0x14e4_9000 || id == 0x14e4_9084;
      case NO_BRIDGE_ALIAS -> id == 0x1a03_1150;
      default -> false;
    };
  }

  /** One that says it is conventional, but sits where only an Express device can (PCIQ-090). */
  private static boolean isHiddenExpressBridge(PciDevice bridge, int id) {
    boolean listed =
        switch (id) {
          case 0x1b21_1080, 0x10e3_8113, 0x1283_8892, 0x1283_8893, 0x8086_244e -> true;
          default -> false;
        };
    PciDevice above = bridge.bus().bridge();
    return listed
        && !bridge.pcieType().isExpress()
        && above != null
        && above.pcieType().isExpress()
        && above.pcieType() != PcieType.PCIE_TO_PCI_BRIDGE;
  }
}
