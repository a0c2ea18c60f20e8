package org.iommu4j.cli.groups;

import java.util.Locale;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.WhatIf;

/** A change to a machine as it is written after {@code --what-if}. */
interface Change {
  /** Changes a machine. */
  WhatIf apply(PciTopology machine, WhatIf before);

  static Change parse(String text) {
    int equals = text.indexOf('=');
    String kind = equals < 0 ? text : text.substring(0, equals);
    String value = equals < 0 ? "" : text.substring(equals + 1);
    return switch (kind) {
      case "acs" -> Acs.parse(value);
      case "override" -> override(value);
      default ->
          throw new TopologyException(
              null,
              "--what-if " + text + ": neither acs=BDF:BITS nor override=downstream,multifunction");
    };
  }

  private static Change override(String value) {
    boolean downstream = false;
    boolean multifunction = false;
    for (String word : value.split(",", -1)) {
      switch (word) {
        case "downstream" -> downstream = true;
        case "multifunction" -> multifunction = true;
        default ->
            throw new TopologyException(
                null,
                "--what-if override="
                    + value
                    + ": '"
                    + word
                    + "' is not downstream, multifunction");
      }
    }
    boolean ports = downstream;
    boolean functions = multifunction;
    return (machine, before) -> {
      WhatIf after = ports ? before.overrideDownstream() : before;
      return functions ? after.overrideMultifunction() : after;
    };
  }

  /**
   * Other ACS bits on one function.
   *
   * @param address of the function
   * @param keep bits of the present control that stay
   * @param set bits that are on afterwards
   */
  record Acs(String address, int keep, int set) implements Change {
    private static final String SHORTEST = "00:00.0";

    static Acs parse(String value) {
      int colon = value.lastIndexOf(':');
      if (colon < SHORTEST.length()) {
        throw new TopologyException(
            null, "--what-if acs=" + value + ": wanted is acs=BDF:BITS, e.g. acs=00:1c.0:SV,RR");
      }
      return parse(value, value.substring(0, colon), value.substring(colon + 1));
    }

    private static Acs parse(String value, String address, String bits) {
      int set = 0;
      int clear = 0;
      boolean relative = bits.startsWith("+") || bits.startsWith("-");
      String separated = bits.toUpperCase(Locale.ROOT).replaceAll("(?<=[A-Z])(?=[+-][A-Z])", ",");
      for (String word : separated.split("[, ]+", -1)) {
        String name = word.replaceAll("^[+-]|[+-]$", "");
        int bit =
            switch (name) {
              case "ALL" -> AcsBits.ALL;
              case "NONE" -> 0;
              default -> AcsBits.bit(name);
            };
        if (bit == 0 && !name.equals("NONE")) {
          throw new TopologyException(
              null,
              "--what-if acs=" + value + ": '" + word + "' is not SV, TB, RR, CR, UF, EC or DT");
        }
        if (word.startsWith("-") || word.endsWith("-")) {
          clear |= bit;
        } else {
          set |= bit;
        }
      }
      return new Acs(address, relative ? ~clear : 0, set & ~clear);
    }

    @Override
    public WhatIf apply(PciTopology machine, WhatIf before) {
      PciDevice device =
          machine
              .find(address)
              .orElseThrow(
                  () ->
                      new TopologyException(
                          null,
                          String.format(
                              "--what-if acs=%s: machine %s has no such function",
                              address, machine.machine())));
      int present = before.acs(device).orElse(device.acsControl());
      return before.acs(device, (present & keep) | set);
    }
  }
}
