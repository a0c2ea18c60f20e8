package org.iommu4j.core.grouping;

import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.jspecify.annotations.Nullable;

/** Whether access control services keep peer-to-peer traffic out of a function (CORE-139). */
final class Acs {
  /**
   * What groups require: source validation, request and completion redirect, upstream forwarding.
   */
  static final int REQUIRED =
      PciDevice.ACS_SV | PciDevice.ACS_RR | PciDevice.ACS_CR | PciDevice.ACS_UF;

  private Acs() {}

  /** Whether a function is isolated (CORE-140). */
  static boolean isolates(PciDevice device) {
    return switch (device.pcieType()) {
      case CONVENTIONAL, PCI_TO_PCIE_BRIDGE, PCIE_TO_PCI_BRIDGE, EVENT_COLLECTOR -> false;
      case ROOT_PORT, DOWNSTREAM_PORT -> controlsEnabled(device);
      case ENDPOINT, LEGACY_ENDPOINT, INTEGRATED_ENDPOINT, UPSTREAM_PORT ->
          !device.multifunction() || controlsEnabled(device);
    };
  }

  /** Whether a bridge and everything above it up to the root is isolated (CORE-138). */
  static boolean pathIsolates(PciDevice bridge) {
    for (PciDevice at = bridge; at != null; at = bridgeAbove(at)) {
      if (!isolates(at)) {
        return false;
      }
    }
    return true;
  }

  private static @Nullable PciDevice bridgeAbove(PciDevice device) {
    for (PciBus bus = device.bus(); bus != null; bus = bus.parent()) {
      if (bus.bridge() != null) {
        return bus.bridge();
      }
    }
    return null;
  }

  /** A control that is not implemented counts as satisfied, except egress control (CORE-141). */
  private static boolean controlsEnabled(PciDevice device) {
    if (!device.hasAcs()) {
      return false;
    }
    int demanded = REQUIRED & (device.acsCapability() | PciDevice.ACS_EC);
    return (device.acsControl() & demanded) == demanded;
  }
}
