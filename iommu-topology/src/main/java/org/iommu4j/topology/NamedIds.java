package org.iommu4j.topology;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Ids for functions that are listed by name only, as far as groups depend on them: integrated
 * endpoints of Intel, root ports of Intel chipsets, and IOMMUs of AMD.
 */
final class NamedIds {
  private static final int INTEL = 0x8086;

  /** Others have tables in which a device id that is not known would count as not listed. */
  private static final Map<String, Integer> VENDORS =
      Map.of("Intel Corporation", INTEL, "Advanced Micro Devices, Inc.", 0x1022);

  /** The first root port of each chipset family, by the name before the port's number. */
  private static final Map<String, Integer> FIRST_PORTS =
      Map.ofEntries(
          Map.entry("5 Series/3400 Series Chipset", 0x3b42),
          Map.entry("6 Series/C200 Series Chipset Family", 0x1c10),
          Map.entry("7 Series/C216 Chipset Family", 0x1e10),
          Map.entry("7 Series/C210 Series Chipset Family", 0x1e10),
          Map.entry("8 Series/C220 Series Chipset Family", 0x8c10),
          Map.entry("8 Series", 0x9c10),
          Map.entry("Wildcat Point-LP", 0x9c90),
          Map.entry("C600/X79 series chipset", 0x1d10),
          Map.entry("C610/X99 series chipset", 0x8d10),
          Map.entry("9 Series Chipset Family", 0x8c90),
          Map.entry("100 Series/C230 Series Chipset Family", 0xa110),
          Map.entry("Sunrise Point-H", 0xa110),
          Map.entry("200 Series PCH", 0xa290),
          Map.entry("Sunrise Point-LP", 0x9d10));

  private static final Pattern ROOT_PORT =
      Pattern.compile("Intel Corporation (.*?) PCI Express Root Port.*");

  private NamedIds() {}

  /** Fills in what the name of a function tells, if its ids are not known. */
  static void complete(FunctionFacts facts) {
    String name = facts.description;
    if (name == null || facts.vendor != 0) {
      return;
    }
    VENDORS.forEach(
        (start, vendor) -> {
          if (name.startsWith(start)) {
            facts.vendor = vendor;
          }
        });
    Integer port = firstPort(name);
    if (port != null) {
      // Which of the ports it is does not matter: the tables treat a family alike.
      facts.device = port;
    }
  }

  private static @Nullable Integer firstPort(String name) {
    Matcher port = ROOT_PORT.matcher(name);
    return port.matches() ? FIRST_PORTS.get(port.group(1)) : null;
  }
}
