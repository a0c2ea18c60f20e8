package org.iommu4j.topology;

import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The reader of one function in a machine description in JSON. */
final class FunctionJson {
  private static final int CARDBUS_BRIDGE = 2;
  private static final int MAX_BUS = 0xff;

  /** What a text says whose source shows a capability but not what is in it. */
  private static final String PRESENT = "present";

  private final JsonText text;
  private final FunctionFacts facts;
  private boolean controlAssumed;

  private FunctionJson(JsonText text) {
    this.text = text;
    this.facts = new FunctionFacts(text.line());
  }

  /**
   * Reads the object that the parser stands on.
   *
   * @param index its place in the list, its only name until the address is known
   */
  static FunctionFacts read(JsonText text, int index) throws IOException {
    text.subject("devices[" + index + "]");
    if (!text.isAt(JsonToken.START_OBJECT)) {
      throw text.wrong("it", "an object");
    }
    return new FunctionJson(text).read();
  }

  private FunctionFacts read() throws IOException {
    for (String name = text.nextName(); name != null; name = text.nextName()) {
      readMember(name);
    }
    if (facts.address.isEmpty()) {
      throw text.refusal("it has no 'bdf', which is its address");
    }
    if (facts.answersAllOnes()) {
      facts.secondaryBus = null;
      facts.subordinateBus = null;
    }
    if (controlAssumed) {
      facts.acsControl = null;
      if (facts.acsCapability == null) {
        facts.acsCapability = AcsText.REQUIRED;
      }
    }
    return facts;
  }

  private void readMember(String name) throws IOException {
    switch (name) {
      case "bdf" -> readAddress(name);
      case "parent" -> facts.parent = text.address(name);
      case "real_dma_dev" -> facts.dmaDevice = text.address(name);
      case "vendor" -> facts.vendor = id(name);
      case "device" -> facts.device = id(name);
      case "subsystem_vendor" -> facts.subsystemVendor = id(name);
      case "subsystem_device" -> facts.subsystemDevice = id(name);
      case "class_code" -> facts.classCode = text.hex(name, 6);
      case "header_type" -> readHeaderType(name);
      case "secondary_bus" -> facts.secondaryBus = text.number(name, MAX_BUS);
      case "subordinate_bus" -> facts.subordinateBus = text.number(name, MAX_BUS);
      case "functions_in_slot" -> facts.functionsInSlot = text.number(name, MAX_BUS);
      case "multifunction" -> facts.multifunction = text.truth(name);
      case "virtual_function" -> facts.virtualFunction = Boolean.TRUE.equals(text.truth(name));
      case "pcie_type" -> readPcieType(name);
      case "acs_cap" -> facts.acsCapability = acs(name);
      case "acs_ctl" -> facts.acsControl = acs(name);
      case "acs_control_assumed" -> controlAssumed = Boolean.TRUE.equals(text.truth(name));
      case "caps_denied" -> facts.capabilitiesDenied = Boolean.TRUE.equals(text.truth(name));
      case "acs_effective_inferred" -> facts.isolated = text.truth(name);
      case "hex_check" -> readRawRegisters();
      case "iommu_group" -> facts.group = text.number(name, Integer.MAX_VALUE);
      case "driver" -> facts.driver = text.label(name);
      case "name" -> facts.description = text.label(name);
      default -> text.skip();
    }
  }

  private void readAddress(String name) throws IOException {
    String given = text.address(name);
    if (given != null) {
      facts.address = given;
      text.subject(given);
    }
  }

  private int id(String name) throws IOException {
    String digits = text.hex(name, 4);
    return digits == null ? 0 : Integer.parseInt(digits, 16);
  }

  private void readHeaderType(String name) throws IOException {
    facts.headerType = text.number(name, MAX_BUS);
    if (facts.headerType != null && facts.headerType > CARDBUS_BRIDGE && !facts.answersAllOnes()) {
      throw text.wrong(name, "0 (device), 1 (bridge), 2 (CardBus bridge) or all ones");
    }
  }

  private void readPcieType(String name) throws IOException {
    String given = text.string(name);
    facts.pcieType = given == null ? null : PortTypes.parse(given);
    if (given != null && facts.pcieType == null && !given.equals("unknown")) {
      throw text.wrong(name, "a port type such as endpoint or root_port");
    }
  }

  private void readRawRegisters() throws IOException {
    if (!text.isAt(JsonToken.START_OBJECT)) {
      text.skip();
      return;
    }
    for (String name = text.nextName(); name != null; name = text.nextName()) {
      if (name.equals("acs_dword8_raw")) {
        facts.wideAcsControl = text.lowBits(AcsText.ALL);
      } else {
        text.skip();
      }
    }
  }

  private @Nullable Integer acs(String name) throws IOException {
    String given = text.string(name);
    if (given == null) {
      return null;
    }
    if (given.equals(PRESENT)) {
      controlAssumed = true;
      return AcsText.REQUIRED;
    }
    int bits = AcsText.parse(given);
    if (bits == AcsText.MALFORMED) {
      throw text.wrong(name, "a list of ACS bits such as 'SV+ RR-'");
    }
    return bits;
  }
}
