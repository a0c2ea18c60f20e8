package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.Prot;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.jspecify.annotations.Nullable;

/**
 * What a recording driver knows about a device, and where the device sits: the {@code device} line
 * of a script (trace format, section 4).
 *
 * @param name the device's name in the script
 * @param instance the instance that serves it, or null
 * @param key its group within the instance
 * @param pci whether it is a PCI device
 * @param wish the default domain type it needs, or null
 * @param regions its reserved regions, in the order in which they are reported
 * @param deferred whether its first attach must wait
 * @param untrusted whether it is untrusted
 * @param ats whether it supports ATS
 * @param isolatedMsi whether its MSIs are isolated
 * @param pasids its PASID limit
 * @param linkName its name in the group's directory
 * @param container the device whose group it shares, or null
 * @param place its PCI position, or null for the next free slot of bus 0
 * @param below number of the bus that it is the bridge of, or null
 * @param virtual number of the virtual bus that hangs on its bus, or null
 * @param pcieType its port type
 * @param multifunction whether its slot has several functions
 * @param acs whether all ACS controls are implemented and enabled
 * @param aliases further numbers under which it does DMA, slot x 8 + function
 */
public record DeviceSpec(
    String name,
    @Nullable String instance,
    String key,
    boolean pci,
    @Nullable DomainType wish,
    List<ResvRegion> regions,
    boolean deferred,
    boolean untrusted,
    boolean ats,
    boolean isolatedMsi,
    int pasids,
    String linkName,
    @Nullable String container,
    @Nullable Place place,
    @Nullable Integer below,
    @Nullable Integer virtual,
    PcieType pcieType,
    boolean multifunction,
    boolean acs,
    List<Integer> aliases) {
  private static final int MAX_PASIDS = 1 << 20;
  private static final Pattern RID = Pattern.compile("([0-9a-f]{1,2}):([01]?[0-9a-f])\\.([0-7])");
  private static final Pattern ALIAS = Pattern.compile("([01]?[0-9a-f])\\.([0-7])");
  private static final Pattern BUS = Pattern.compile("[0-9a-f]{1,2}");
  private static final Map<String, PcieType> PORTS =
      Map.of(
          "endpoint", PcieType.ENDPOINT,
          "legacy", PcieType.LEGACY_ENDPOINT,
          "root", PcieType.ROOT_PORT,
          "up", PcieType.UPSTREAM_PORT,
          "down", PcieType.DOWNSTREAM_PORT,
          "pcie-pci-bridge", PcieType.PCIE_TO_PCI_BRIDGE,
          "pci-pcie-bridge", PcieType.PCI_TO_PCIE_BRIDGE,
          "rc-end", PcieType.INTEGRATED_ENDPOINT,
          "rc-ec", PcieType.EVENT_COLLECTOR,
          "conventional", PcieType.CONVENTIONAL);

  /**
   * A PCI position.
   *
   * @param bus 0 to 255
   * @param slot 0 to 31
   * @param function 0 to 7
   */
  public record Place(int bus, int slot, int function) {}

  /**
   * Reads a description, as it stands in a script after the word {@code device}.
   *
   * @param text for example {@code a instance=i0 key=k1 direct=1000+1000}
   * @return the description
   * @throws ScriptException if it is malformed
   */
  public static DeviceSpec parse(String text) {
    return parse(new ScriptLine("device", 1, "device " + text));
  }

  static DeviceSpec parse(ScriptLine line) {
    List<String> words = line.words();
    if (words.size() < 2 || words.get(1).contains("=")) {
      throw line.error("a device needs a name");
    }
    String name = words.get(1);
    var keys = new Attributes(line, words.subList(2, words.size()));
    String instance = keys.text("instance", "none");
    int pasids = keys.decimal("pasids", 0);
    if (pasids < 0 || pasids > MAX_PASIDS) {
      throw line.error("pasids=" + pasids + " is not within 0..1048576");
    }
    var spec =
        new DeviceSpec(
            name,
            instance.equals("none") ? null : instance,
            keys.text("key", name),
            keys.choice("bus", "pci", Map.of("pci", true, "platform", false)),
            wish(keys),
            List.copyOf(regions(keys)),
            keys.yes("deferred", false),
            keys.yes("untrusted", false),
            keys.yes("ats", false),
            keys.yes("isolated_msi", true),
            pasids,
            keys.text("name", name),
            keys.text("container"),
            place(keys),
            bus(keys, "sub"),
            bus(keys, "vsub"),
            keys.choice("pcitype", "endpoint", PORTS),
            keys.yes("multifunction", false),
            keys.yes("acs", false),
            List.copyOf(aliases(keys)));
    keys.finish();
    if (!spec.pci && (spec.place != null || spec.below != null || spec.virtual != null)) {
      throw line.error("rid, sub and vsub are for PCI devices");
    }
    return spec;
  }

  private static @Nullable DomainType wish(Attributes keys) {
    return switch (keys.text("wish", "none")) {
      case "none" -> null;
      case "DMA" -> DomainType.DMA;
      case "DMA-FQ" -> DomainType.DMA_FQ;
      case "identity" -> DomainType.IDENTITY;
      default -> throw keys.unexpected("wish", "...", "none, DMA, DMA-FQ or identity");
    };
  }

  private static List<ResvRegion> regions(Attributes keys) {
    List<ResvRegion> regions = new ArrayList<>();
    collect(keys, "direct", ResvType.DIRECT, regions);
    collect(keys, "relaxable", ResvType.DIRECT_RELAXABLE, regions);
    collect(keys, "reserved", ResvType.RESERVED, regions);
    collect(keys, "msi", ResvType.MSI, regions);
    collect(keys, "swmsi", ResvType.SW_MSI, regions);
    return regions;
  }

  private static void collect(
      Attributes keys, String key, ResvType type, List<ResvRegion> regions) {
    for (long[] range : keys.ranges(key)) {
      regions.add(ResvRegion.of(range[0], range[1], Prot.RW, type));
    }
  }

  private static @Nullable Place place(Attributes keys) {
    String text = keys.text("rid");
    if (text == null) {
      return null;
    }
    Matcher m = RID.matcher(text);
    if (!m.matches()) {
      throw keys.unexpected("rid", text, "BUS:SLOT.FN");
    }
    return new Place(hex(m.group(1)), hex(m.group(2)), hex(m.group(3)));
  }

  private static @Nullable Integer bus(Attributes keys, String key) {
    String text = keys.text(key);
    if (text == null) {
      return null;
    }
    if (!BUS.matcher(text).matches()) {
      throw keys.unexpected(key, text, "a bus number");
    }
    return hex(text);
  }

  private static List<Integer> aliases(Attributes keys) {
    List<Integer> aliases = new ArrayList<>();
    for (String text : keys.list("alias")) {
      Matcher m = ALIAS.matcher(text);
      if (!m.matches()) {
        throw keys.unexpected("alias", text, "SLOT.FN[,SLOT.FN...]");
      }
      aliases.add(hex(m.group(1)) * 8 + hex(m.group(2)));
    }
    return aliases;
  }

  private static int hex(String digits) {
    return Integer.parseInt(digits, 16);
  }
}
