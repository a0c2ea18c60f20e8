package org.iommu4j.topology;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.iommu4j.api.PcieType;
import org.jspecify.annotations.Nullable;

/** One function as {@code lspci} prints it, and what only this format shows. */
final class LspciFunction {
  private static final int UNANSWERED = 0x7f;
  private static final int HEADER_TYPE = 0x0e;
  private static final int MULTIFUNCTION = 0x80;
  private static final int WIDE_CONTROL = 8;

  private static final Pattern IDS = Pattern.compile(".*\\[([0-9a-f]{4}):([0-9a-f]{4})\\]");
  private static final Pattern GROUP = Pattern.compile("IOMMU group:? (\\d{1,9})\\b");
  private static final Pattern BUSES =
      Pattern.compile(
          "Bus: primary=([0-9a-f]{2}), *secondary=([0-9a-f]{2}), *subordinate=([0-9a-f]{2})");
  private static final Pattern CAPABILITY =
      Pattern.compile("Capabilities: \\[([0-9a-f]{2,3})(?: v\\d+)?\\] ?(.*)");
  private static final Pattern DRIVER = Pattern.compile("Kernel driver in use: (\\S{1,64}).*");
  private static final Pattern VIRTUAL = Pattern.compile(".*Number of VFs: (\\d{1,5})\\b.*");
  private static final Pattern OFFSET =
      Pattern.compile("VF offset: (\\d{1,5}), stride: (\\d{1,5})\\b.*");
  private static final Pattern ACS_BIT =
      Pattern.compile(
          "(SrcValid|TransBlk|ReqRedir|CmpltRedir|UpstreamFwd|EgressCtrl|DirectTrans)([+-])");

  final FunctionFacts facts;
  private final ConfigDump dump = new ConfigDump();

  /** Whether more than the first line was printed. */
  private boolean verbose;

  private boolean conventional = true;
  private boolean unanswered;
  private int acsOffset;

  /** Virtual functions that are switched on, and where the first and the next ones are. */
  int virtualFunctions;

  int virtualOffset;
  int virtualStride;

  private LspciFunction(int line) {
    facts = new FunctionFacts(line);
  }

  static LspciFunction read(LspciBlocks.Block block) {
    LspciFunction function = new LspciFunction(block.line());
    LspciHead.read(block.head(), function.facts);
    function.unanswered =
        block.head().contains("(rev ff)") && block.head().contains("(prog-if ff)");
    block.body().forEach(function::readLine);
    function.settle();
    return function;
  }

  boolean isVerbose() {
    return verbose;
  }

  /** Whether it is there, but its configuration space reads as all ones. */
  boolean isUnanswered() {
    return unanswered;
  }

  private void readLine(String line) {
    if (line.isEmpty() || dump.accept(line)) {
      return;
    }
    switch (line.charAt(0)) {
      case 'A' -> readAcs(line);
      case 'B' -> readBuses(line);
      case 'C' -> readCapability(line);
      case 'F', 'I' -> readVirtualOrGroup(line);
      case 'K' -> readDriver(line);
      case 'S' -> readSubsystem(line);
      case 'V' -> readVirtualPlace(line);
      case '!' -> unanswered |= line.contains("Unknown header type 7f");
      default -> {
        // Much is printed that has nothing to do with groups.
      }
    }
  }

  private void readAcs(String line) {
    if (line.startsWith("ACSCap:")) {
      facts.acsCapability = acs(line);
    } else if (line.startsWith("ACSCtl:")) {
      facts.acsControl = acs(line);
    }
  }

  private static int acs(String line) {
    int bits = 0;
    Matcher bit = ACS_BIT.matcher(line);
    while (bit.find()) {
      boolean on = bit.group(2).equals("+");
      bits |= on ? bit(bit.group(1)) : 0;
    }
    return bits;
  }

  private static int bit(String name) {
    return switch (name) {
      case "SrcValid" -> 0x01;
      case "TransBlk" -> 0x02;
      case "ReqRedir" -> 0x04;
      case "CmpltRedir" -> 0x08;
      case "UpstreamFwd" -> 0x10;
      case "EgressCtrl" -> 0x20;
      default -> 0x40;
    };
  }

  private void readBuses(String line) {
    Matcher buses = BUSES.matcher(line);
    if (buses.lookingAt()) {
      facts.headerType = 1;
      facts.secondaryBus = Integer.parseInt(buses.group(2), 16);
      facts.subordinateBus = Integer.parseInt(buses.group(3), 16);
    }
  }

  private void readCapability(String line) {
    verbose |= line.startsWith("Control:") || line.startsWith("Capabilities:");
    if (line.startsWith("Capabilities: <access denied>")) {
      facts.capabilitiesDenied = true;
      return;
    }
    Matcher capability = CAPABILITY.matcher(line);
    if (!capability.matches()) {
      return;
    }
    String name = capability.group(2);
    if (name.startsWith("Express")) {
      readType(name.substring("Express".length()).replaceFirst("^ \\(v\\d+\\)", "").strip());
    } else if (name.startsWith("Access Control Services")) {
      acsOffset = Integer.parseInt(capability.group(1), 16);
    }
  }

  private void readType(String name) {
    PcieType type = PortTypes.printed(name);
    conventional = false;
    if (type != null) {
      facts.pcieType = type;
    }
  }

  private void readVirtualOrGroup(String line) {
    verbose |= line.startsWith("Flags:");
    Matcher group = GROUP.matcher(line);
    if ((line.startsWith("Flags:") || line.startsWith("IOMMU group")) && group.find()) {
      facts.group = Integer.parseInt(group.group(1));
    }
    Matcher virtual = VIRTUAL.matcher(line);
    if (line.startsWith("Initial VFs:") && virtual.matches()) {
      virtualFunctions = Integer.parseInt(virtual.group(1));
    }
  }

  private void readVirtualPlace(String line) {
    Matcher place = OFFSET.matcher(line);
    if (place.matches()) {
      virtualOffset = Integer.parseInt(place.group(1));
      virtualStride = Integer.parseInt(place.group(2));
    }
  }

  private void readDriver(String line) {
    Matcher driver = DRIVER.matcher(line);
    if (driver.matches()) {
      facts.driver = JsonText.printable(driver.group(1), JsonText.MAX_LABEL);
    }
  }

  private void readSubsystem(String line) {
    verbose |= line.startsWith("Status:");
    Matcher ids = line.startsWith("Subsystem:") ? IDS.matcher(line) : null;
    if (ids != null && ids.lookingAt()) {
      facts.subsystemVendor = Integer.parseInt(ids.group(1), 16);
      facts.subsystemDevice = Integer.parseInt(ids.group(2), 16);
    }
  }

  private void settle() {
    if (dump.answers()) {
      settleByDump();
    }
    NamedIds.complete(facts);
    if (unanswered) {
      facts.headerType = UNANSWERED;
      facts.secondaryBus = null;
      facts.subordinateBus = null;
      facts.acsCapability = null;
      facts.acsControl = null;
      return;
    }
    if (facts.headerType == null && verbose) {
      facts.headerType = facts.classNumber() >> 8 == 0x0607 ? 2 : 0;
    }
    facts.acsRead = verbose && !facts.capabilitiesDenied;
    if (facts.acsRead && conventional) {
      facts.pcieType = PcieType.CONVENTIONAL;
    }
    if (facts.acsCapability == null && acsOffset != 0) {
      facts.acsCapability = AcsText.REQUIRED;
    }
  }

  private void settleByDump() {
    facts.vendor = (int) dump.number(0, 2);
    facts.device = (int) dump.number(2, 2);
    if (dump.has(0x08, 4)) {
      facts.classCode = String.format("%06x", dump.number(0x09, 3));
    }
    if (dump.has(HEADER_TYPE, 1)) {
      facts.multifunction = multifunction((int) dump.number(HEADER_TYPE, 1));
    }
    if (acsOffset != 0 && dump.has(acsOffset + WIDE_CONTROL, 4)) {
      facts.wideAcsControl = (int) dump.number(acsOffset + WIDE_CONTROL, 4) & AcsText.ALL;
    }
  }

  /** A bus scan gives the flag to every function but the first, whatever the header says. */
  private @Nullable Boolean multifunction(int headerType) {
    return (headerType & MULTIFUNCTION) != 0 || !facts.address.endsWith(".0");
  }
}
