package org.iommu4j.topology;

import org.iommu4j.api.PciDevice;

/** ACS bits as text: {@code SV+ TB- RR+ CR+ UF+ EC- DT-}. */
final class AcsText {
  /** What groups require: source validation, request and completion redirect, forwarding. */
  static final int REQUIRED =
      PciDevice.ACS_SV | PciDevice.ACS_RR | PciDevice.ACS_CR | PciDevice.ACS_UF;

  /** All functions. */
  static final int ALL = 0x7f;

  /** What {@link #parse} returns for a text that is something else. */
  static final int MALFORMED = -1;

  private AcsText() {}

  /** The bits with a plus sign, and those with a question mark: what is not known counts as on. */
  static int parse(String text) {
    int bits = 0;
    for (String word : text.trim().split("\\s+", -1)) {
      int bit = word.length() == 3 ? bit(word.substring(0, 2)) : MALFORMED;
      if (bit == MALFORMED || "+-?".indexOf(word.charAt(2)) < 0) {
        return MALFORMED;
      }
      bits |= word.charAt(2) == '-' ? 0 : bit;
    }
    return bits;
  }

  private static int bit(String name) {
    return switch (name) {
      case "SV" -> PciDevice.ACS_SV;
      case "TB" -> PciDevice.ACS_TB;
      case "RR" -> PciDevice.ACS_RR;
      case "CR" -> PciDevice.ACS_CR;
      case "UF" -> PciDevice.ACS_UF;
      case "EC" -> PciDevice.ACS_EC;
      case "DT" -> PciDevice.ACS_DT;
      default -> MALFORMED;
    };
  }
}
