package org.iommu4j.topology;

import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.List;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PcieType;
import org.jspecify.annotations.Nullable;

/** One function as it is written in a machine description. */
final class FunctionText {
  private static final int BRIDGE = 1;
  private static final int CARDBUS_BRIDGE = 2;
  private static final int MAX_BUS = 0xff;

  /** Header types read from a function that does not answer, without and with bit 7. */
  private static final int ALL_ONES = 0x7f;

  private static final int ALL_ONES_MULTIFUNCTION = 0xff;

  private static final String SUBTRACTIVE_BRIDGE = "060401";
  private static final String PORT_DRIVER = "pcieport";

  private final int line;
  private String address = "";
  private @Nullable String parent;
  private @Nullable Integer headerType;
  private @Nullable Integer secondaryBus;
  private @Nullable Integer subordinateBus;
  private @Nullable Integer functionsInSlot;
  private @Nullable Boolean multifunction;
  private @Nullable PcieType pcieType;
  private @Nullable Integer acsCapability;
  private @Nullable Integer acsControl;
  private @Nullable Boolean isolated;
  private @Nullable Integer group;
  private @Nullable String driver;
  private @Nullable String classCode;
  private @Nullable String description;
  private int vendor;
  private int device;

  private FunctionText(int line) {
    this.line = line;
  }

  /**
   * Reads the object that the parser stands on.
   *
   * @param index its place in the list, its only name until the address is known
   */
  static FunctionText read(JsonText text, int index) throws IOException {
    text.subject("devices[" + index + "]");
    if (!text.isAt(JsonToken.START_OBJECT)) {
      throw text.wrong("it", "an object");
    }
    FunctionText function = new FunctionText(text.line());
    for (String name = text.nextName(); name != null; name = text.nextName()) {
      function.readMember(text, name);
    }
    if (function.address.isEmpty()) {
      throw text.refusal("it has no 'bdf', which is its address");
    }
    return function;
  }

  private void readMember(JsonText text, String name) throws IOException {
    switch (name) {
      case "bdf" -> readAddress(text, name);
      case "parent" -> parent = text.address(name);
      case "vendor" -> vendor = id(text.hex(name, 4));
      case "device" -> device = id(text.hex(name, 4));
      case "class_code" -> classCode = text.hex(name, 6);
      case "header_type" -> readHeaderType(text, name);
      case "secondary_bus" -> secondaryBus = text.number(name, MAX_BUS);
      case "subordinate_bus" -> subordinateBus = text.number(name, MAX_BUS);
      case "functions_in_slot" -> functionsInSlot = text.number(name, MAX_BUS);
      case "multifunction" -> multifunction = text.truth(name);
      case "pcie_type" -> readPcieType(text, name);
      case "acs_cap" -> acsCapability = acs(text, name);
      case "acs_ctl" -> acsControl = acs(text, name);
      case "acs_effective_inferred" -> isolated = text.truth(name);
      case "iommu_group" -> group = text.number(name, Integer.MAX_VALUE);
      case "driver" -> driver = text.label(name);
      case "name" -> description = text.label(name);
      default -> text.skip();
    }
  }

  private void readAddress(JsonText text, String name) throws IOException {
    String given = text.address(name);
    if (given != null) {
      address = given;
      text.subject(given);
    }
  }

  private static int id(@Nullable String digits) {
    return digits == null ? 0 : Integer.parseInt(digits, 16);
  }

  private void readHeaderType(JsonText text, String name) throws IOException {
    headerType = text.number(name, MAX_BUS);
    if (headerType != null && headerType > CARDBUS_BRIDGE && !answersAllOnes()) {
      throw text.wrong(name, "0 (device), 1 (bridge), 2 (CardBus bridge) or all ones");
    }
  }

  private void readPcieType(JsonText text, String name) throws IOException {
    String given = text.string(name);
    pcieType = given == null ? null : PortTypes.parse(given);
    if (given != null && pcieType == null) {
      throw text.wrong(name, "a port type such as endpoint or root_port");
    }
  }

  private static @Nullable Integer acs(JsonText text, String name) throws IOException {
    String given = text.string(name);
    if (given == null) {
      return null;
    }
    int bits = AcsText.parse(given);
    if (bits == AcsText.MALFORMED) {
      throw text.wrong(name, "a list of ACS bits such as 'SV+ RR-'");
    }
    return bits;
  }

  /** The address as written. */
  String address() {
    return address;
  }

  /** The address of the bridge above as written. */
  @Nullable String parent() {
    return parent;
  }

  /** Where the function begins in the text. */
  int line() {
    return line;
  }

  private boolean answersAllOnes() {
    return headerType != null && (headerType == ALL_ONES || headerType == ALL_ONES_MULTIFUNCTION);
  }

  /** Hands everything over; what depends on neighbours waits until the topology is built. */
  void describe(PciTopology.FunctionBuilder builder, Surroundings surroundings) {
    if (parent != null) {
      builder.below(parent);
    }
    if (group != null) {
      builder.recordedGroup(group);
    }
    describeBuses(builder);
    builder
        .driver(driver)
        .classCode(classCode)
        .description(description)
        .facts((facts, bus) -> describe(facts, bus.bridge(), builder.name(), surroundings));
  }

  private void describeBuses(PciTopology.FunctionBuilder builder) {
    if (answersAllOnes()) {
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
    boolean several =
        multifunction != null
            ? multifunction
            : (functionsInSlot != null ? functionsInSlot : surroundings.functionsInSlot(name)) > 1;
    facts
        .ids(vendor, device)
        .multifunction(several)
        .pcieType(
            pcieType != null
                ? pcieType
                : PortTypes.derive(above, evidence(name, several, surroundings)));
    if (acsCapability != null) {
      facts.acs(acsCapability, acsControl != null ? acsControl : acsCapability);
    } else if (Boolean.TRUE.equals(isolated)) {
      facts.acs(AcsText.REQUIRED, AcsText.REQUIRED);
    }
  }

  private PortTypes.Evidence evidence(String name, boolean several, Surroundings surroundings) {
    boolean bridge = isBridge(name, surroundings);
    List<FunctionText> below = bridge ? below(name, surroundings) : List.of();
    boolean leadsToBridges = false;
    boolean leadsToDevices = false;
    for (FunctionText function : below) {
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

  private List<FunctionText> below(String name, Surroundings surroundings) {
    return surroundings.below(name, secondaryBus);
  }

  private boolean hasBridgeHeader() {
    return headerType != null && (headerType == BRIDGE || headerType == CARDBUS_BRIDGE);
  }

  private boolean leadsSomewhere() {
    return secondaryBus != null && secondaryBus != 0 && !answersAllOnes();
  }

  private boolean leadsToConventional() {
    boolean cardBus = headerType != null && headerType == CARDBUS_BRIDGE;
    return cardBus || SUBTRACTIVE_BRIDGE.equals(classCode);
  }
}
