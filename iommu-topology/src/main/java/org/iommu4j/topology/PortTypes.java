package org.iommu4j.topology;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PcieType;
import org.jspecify.annotations.Nullable;

/** The port type of a function for which a description does not give it. */
final class PortTypes {
  private static final List<Map.Entry<String, PcieType>> PRINTED =
      List.of(
          Map.entry("Endpoint", PcieType.ENDPOINT),
          Map.entry("Legacy Endpoint", PcieType.LEGACY_ENDPOINT),
          Map.entry("Root Port", PcieType.ROOT_PORT),
          Map.entry("Upstream Port", PcieType.UPSTREAM_PORT),
          Map.entry("Downstream Port", PcieType.DOWNSTREAM_PORT),
          Map.entry("PCI-Express to PCI", PcieType.PCIE_TO_PCI_BRIDGE),
          Map.entry("PCI/PCI-X to PCI-Express", PcieType.PCI_TO_PCIE_BRIDGE),
          Map.entry("Root Complex Integrated Endpoint", PcieType.INTEGRATED_ENDPOINT),
          Map.entry("Root Complex Event Collector", PcieType.EVENT_COLLECTOR));

  private PortTypes() {}

  /**
   * What can be known of a function without its PCI Express capability.
   *
   * @param bridge whether it leads to another bus
   * @param toConventional whether that bus is conventional PCI by the function's class
   * @param multifunction whether its slot has several functions
   * @param isolated whether it must have been isolated, going by recorded groups; null if open
   * @param portDriver whether the driver for PCI Express ports had accepted it
   * @param leadsToBridges whether a bridge is directly below
   * @param leadsToDevices whether anything else is directly below
   */
  record Evidence(
      boolean bridge,
      boolean toConventional,
      boolean multifunction,
      @Nullable Boolean isolated,
      boolean portDriver,
      boolean leadsToBridges,
      boolean leadsToDevices) {}

  /** Derives the type of a function below a bridge, or on a root bus if there is none. */
  static PcieType derive(@Nullable PciDevice above, Evidence evidence) {
    if (above == null) {
      return onRootBus(evidence);
    }
    return switch (above.pcieType()) {
      case CONVENTIONAL, PCIE_TO_PCI_BRIDGE -> PcieType.CONVENTIONAL;
      case UPSTREAM_PORT -> evidence.bridge() ? PcieType.DOWNSTREAM_PORT : PcieType.ENDPOINT;
      default -> evidence.bridge() ? bridgeBelowPort(evidence) : PcieType.ENDPOINT;
    };
  }

  private static PcieType onRootBus(Evidence evidence) {
    if (evidence.bridge()) {
      return evidence.toConventional() ? PcieType.CONVENTIONAL : PcieType.ROOT_PORT;
    }
    // An integrated endpoint of some vendors counts as isolated by its id alone; one that was not
    // cannot have been one of them.
    return Boolean.FALSE.equals(evidence.isolated())
        ? PcieType.CONVENTIONAL
        : PcieType.INTEGRATED_ENDPOINT;
  }

  private static PcieType bridgeBelowPort(Evidence evidence) {
    if (evidence.toConventional()) {
      return PcieType.PCIE_TO_PCI_BRIDGE;
    }
    if (evidence.portDriver() || Boolean.TRUE.equals(evidence.isolated())) {
      return PcieType.UPSTREAM_PORT;
    }
    // An upstream port with a single function is isolated whatever its ACS says (CORE-140), and the
    // bus inside a switch has ports on it.
    boolean neverIsolated = !evidence.multifunction() && Boolean.FALSE.equals(evidence.isolated());
    boolean noSwitch = evidence.leadsToDevices() && !evidence.leadsToBridges();
    return neverIsolated || noSwitch ? PcieType.PCIE_TO_PCI_BRIDGE : PcieType.UPSTREAM_PORT;
  }

  /** Reads the name of a type as {@code lspci} prints it; null if it is none. */
  static @Nullable PcieType printed(String text) {
    for (Map.Entry<String, PcieType> name : PRINTED) {
      if (text.startsWith(name.getKey())) {
        return name.getValue();
      }
    }
    return null;
  }

  /** Reads the name of a type; null if it is none. */
  static @Nullable PcieType parse(String text) {
    String name = text.toUpperCase(Locale.ROOT).replace('-', '_');
    return switch (name) {
      case "RCIEP", "RC_INTEGRATED_ENDPOINT", "ROOT_COMPLEX_INTEGRATED_ENDPOINT" ->
          PcieType.INTEGRATED_ENDPOINT;
      case "RCEC", "RC_EVENT_COLLECTOR", "ROOT_COMPLEX_EVENT_COLLECTOR" -> PcieType.EVENT_COLLECTOR;
      default -> named(name);
    };
  }

  private static @Nullable PcieType named(String name) {
    for (PcieType type : PcieType.values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }
}
