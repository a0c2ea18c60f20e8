package org.iommu4j.testkit.transcript;

import java.util.Locale;
import java.util.Optional;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PcieType;
import org.iommu4j.testkit.linux.PciId;
import org.iommu4j.testkit.linux.SriovFacts;
import org.jspecify.annotations.Nullable;

/**
 * The facts about one function as a kernel read them from its configuration space.
 *
 * @param fields the topology record
 */
record RecordedFunction(Fields fields) {
  String address() {
    return fields.text("bdf", "");
  }

  Optional<String> role() {
    return fields.text("role");
  }

  Optional<String> driver() {
    return fields.text("driver");
  }

  Optional<String> iommu() {
    return fields.text("iommu");
  }

  PciId id() {
    return new PciId(hex("vendor"), hex("device"), classCode());
  }

  int classCode() {
    return hex("class");
  }

  private int hex(String name) {
    return fields.hex(name).map(Long::intValue).orElse(0);
  }

  boolean isBridge() {
    return (fields.number("header_type", 0) & 0x7f) == 1;
  }

  int secondaryBus() {
    return isBridge() ? fields.number("secondary", 0) : 0;
  }

  int subordinateBus() {
    return fields.number("subordinate", secondaryBus());
  }

  boolean multifunction() {
    return fields.truth("multifunction").orElse(false);
  }

  PcieType type() {
    String text = fields.text("pcie_type", "").toLowerCase(Locale.ROOT).replace('_', '-');
    if (text.isEmpty()) {
      return PcieType.CONVENTIONAL;
    }
    if (text.contains("pcie-to-pci") || text.equals("pcie-pci-bridge")) {
      return PcieType.PCIE_TO_PCI_BRIDGE;
    }
    if (text.contains("pci-to-pcie") || text.equals("pci-pcie-bridge")) {
      return PcieType.PCI_TO_PCIE_BRIDGE;
    }
    if (text.contains("event") || text.equals("rcec")) {
      return PcieType.EVENT_COLLECTOR;
    }
    if (text.startsWith("root-port")) {
      return PcieType.ROOT_PORT;
    }
    if (text.startsWith("up")) {
      return PcieType.UPSTREAM_PORT;
    }
    if (text.startsWith("down")) {
      return PcieType.DOWNSTREAM_PORT;
    }
    if (text.startsWith("leg")) {
      return PcieType.LEGACY_ENDPOINT;
    }
    return text.startsWith("rc") || text.contains("root-complex") || text.contains("integrated")
        ? PcieType.INTEGRATED_ENDPOINT
        : PcieType.ENDPOINT;
  }

  /** Hands over what shapes groups. */
  void describe(PciDevice.Builder builder, PciBus bus, boolean translationBlockingTellsTrust) {
    builder
        .ids(hex("vendor"), hex("device"))
        .classCode(classCode())
        .multifunction(multifunction())
        .pcieType(type());
    Optional<Long> capability = fields.hex("acs_cap");
    if (capability.isPresent()) {
      builder.acs(
          capability.get().intValue(), fields.hex("acs_ctrl").map(Long::intValue).orElse(0));
    }
    builder.untrusted(translationBlockingTellsTrust && isBelowExternalPort(bus));
  }

  /** A kernel blocks translated requests at ports that face outside, and below them only. */
  private static boolean isBelowExternalPort(PciBus bus) {
    for (PciBus at = bus; at != null; at = at.parent()) {
      PciDevice bridge = at.bridge();
      if (bridge != null && (bridge.acsControl() & PciDevice.ACS_TB) != 0) {
        return true;
      }
    }
    return false;
  }

  @Nullable SriovFacts sriov() {
    if (fields.number("sriov_total").isEmpty()) {
      return null;
    }
    return new SriovFacts(
        fields.number("sriov_total", 0),
        fields.number("sriov_offset", 0),
        fields.number("sriov_stride", 0),
        hex("sriov_vfdev"));
  }
}
