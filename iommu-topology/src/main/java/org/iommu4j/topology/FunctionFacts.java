package org.iommu4j.topology;

import java.util.List;
import java.util.Objects;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PciTopology.AcsEvidence;
import org.iommu4j.api.PcieType;
import org.jspecify.annotations.Nullable;

/**
 * What a description says about one function; null is what it does not say. Filled by the reader of
 * one format, then handed over to the builder of the topology.
 */
final class FunctionFacts {
  private static final int BRIDGE = 1;
  private static final int CARDBUS_BRIDGE = 2;

  /** Header types read from a function that does not answer, without and with bit 7. */
  private static final int ALL_ONES = 0x7f;

  private static final int ALL_ONES_MULTIFUNCTION = 0xff;

  private static final int SUBTRACTIVE_BRIDGE = 0x060401;
  private static final String PORT_DRIVER = "pcieport";

  final int line;
  String address = "";
  @Nullable String parent;
  @Nullable String dmaDevice;
  @Nullable Integer headerType;
  @Nullable Integer secondaryBus;
  @Nullable Integer subordinateBus;
  @Nullable Integer functionsInSlot;
  @Nullable Boolean multifunction;
  boolean virtualFunction;
  @Nullable PcieType pcieType;
  @Nullable Integer acsCapability;
  @Nullable Integer acsControl;
  @Nullable Integer wideAcsControl;

  /** Whether null in the ACS members means that the function has no such capability. */
  boolean acsRead;

  /** Whether the capabilities were hidden from whoever read the machine. */
  boolean capabilitiesDenied;

  /** What the recorded groups show about the isolation; only where ACS was not read. */
  @Nullable Boolean isolated;

  /** Whether the machine has an AMD IOMMU. */
  boolean amdIommu;

  @Nullable Integer group;
  @Nullable String driver;
  @Nullable String classCode;
  @Nullable String description;
  int vendor;
  int device;
  int subsystemVendor;
  int subsystemDevice;

  FunctionFacts(int line) {
    this.line = line;
  }

  boolean answersAllOnes() {
    return headerType != null && (headerType == ALL_ONES || headerType == ALL_ONES_MULTIFUNCTION);
  }

  /** Base class, sub-class and interface as far as they are known, else 0. */
  int classNumber() {
    if (classCode == null) {
      return 0;
    }
    int code = Integer.parseInt(classCode, 16);
    return classCode.length() <= 4 ? code << 8 : code;
  }

  /** Hands everything over; what depends on neighbours waits until the topology is built. */
  void describe(PciTopology.FunctionBuilder builder, Surroundings surroundings) {
    if (parent != null) {
      builder.below(parent);
    }
    if (dmaDevice != null) {
      builder.dmaDevice(dmaDevice);
    }
    if (group != null) {
      builder.recordedGroup(group);
    }
    describeBuses(builder);
    builder
        .driver(driver)
        .classCode(classCode)
        .description(description)
        .acsEvidence(evidence())
        .facts((facts, bus) -> describe(facts, bus.bridge(), builder.name(), surroundings));
  }

  private AcsEvidence evidence() {
    if (isolated != null) {
      return AcsEvidence.INFERRED;
    }
    boolean controlRead = acsCapability == null || acsControl != null;
    return acsRead && controlRead ? AcsEvidence.MEASURED : AcsEvidence.ASSUMED;
  }

  private void describeBuses(PciTopology.FunctionBuilder builder) {
    if (answersAllOnes() && secondaryBus == null) {
      return;
    }
    if (secondaryBus != null) {
      builder.secondaryBus(secondaryBus);
    } else if (headerType != null && headerType != BRIDGE && headerType != CARDBUS_BRIDGE) {
      builder.secondaryBus(0);
    }
    if (subordinateBus != null) {
      builder.subordinateBus(subordinateBus);
    }
  }

  private void describe(
      PciDevice.Builder facts, @Nullable PciDevice above, String name, Surroundings surroundings) {
    boolean several = isMultifunction(above, name, surroundings);
    facts
        .ids(vendor, device)
        .subsystem(subsystemVendor, subsystemDevice)
        .classCode(classNumber())
        .multifunction(several)
        .virtualFunction(virtualFunction)
        .knownIsolation(isolated)
        .pcieType(
            pcieType != null
                ? pcieType
                : PortTypes.derive(above, evidence(name, several, surroundings)));
    if (amdIommu) {
      facts.flag(PciDevice.Flag.IVRS);
    }
    if (acsCapability != null) {
      facts.acs(acsCapability, acsControl != null ? acsControl : acsCapability);
      if (wideAcsControl != null) {
        facts.wideAcsControl(wideAcsControl);
      }
    }
  }

  /** Bit 7 of the header and what a bus scan makes of it (PCIQ-100). */
  private boolean isMultifunction(
      @Nullable PciDevice above, String name, Surroundings surroundings) {
    if (virtualFunction) {
      return false;
    }
    if (multifunction != null) {
      return multifunction;
    }
    if (name.charAt(name.length() - 1) != '0') {
      return true;
    }
    // Below a port there is one device only: other slots are further functions of it (ARI).
    boolean furtherSlot =
        above != null
            && (above.pcieType() == PcieType.ROOT_PORT
                || above.pcieType() == PcieType.DOWNSTREAM_PORT)
            && !name.endsWith(":00.0");
    int visible =
        Objects.requireNonNullElseGet(functionsInSlot, () -> surroundings.functionsInSlot(name));
    return furtherSlot || visible > 1;
  }

  private PortTypes.Evidence evidence(String name, boolean several, Surroundings surroundings) {
    boolean bridge = isBridge(name, surroundings);
    List<FunctionFacts> below = bridge ? below(name, surroundings) : List.of();
    boolean leadsToBridges = false;
    boolean leadsToDevices = false;
    for (FunctionFacts function : below) {
      // Only what the text says about itself counts here: to ask what is below in turn would visit
      // a deep machine once per level.
      boolean further = function.hasBridgeHeader() || function.leadsSomewhere();
      leadsToBridges |= further;
      leadsToDevices |= !further;
    }
    return new PortTypes.Evidence(
        bridge,
        leadsToConventional(),
        several,
        isolated,
        PORT_DRIVER.equals(driver),
        leadsToBridges,
        leadsToDevices);
  }

  private boolean isBridge(String name, Surroundings surroundings) {
    return hasBridgeHeader() || leadsSomewhere() || !below(name, surroundings).isEmpty();
  }

  private List<FunctionFacts> below(String name, Surroundings surroundings) {
    return surroundings.below(name, secondaryBus);
  }

  boolean hasBridgeHeader() {
    return headerType != null && (headerType == BRIDGE || headerType == CARDBUS_BRIDGE);
  }

  boolean leadsSomewhere() {
    return secondaryBus != null && secondaryBus != 0;
  }

  private boolean leadsToConventional() {
    boolean cardBus = headerType != null && headerType == CARDBUS_BRIDGE;
    return cardBus || classNumber() == SUBTRACTIVE_BRIDGE;
  }
}
