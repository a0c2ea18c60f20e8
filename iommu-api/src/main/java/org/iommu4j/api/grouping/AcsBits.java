package org.iommu4j.api.grouping;

import java.util.StringJoiner;
import org.iommu4j.api.PciDevice;

/**
 * Sets of access control functions, as numbers and as text.
 *
 * <p>A set is an {@code int} of the {@code ACS_} constants of {@link PciDevice}: bit n is the bit n
 * of the capability and control words.
 */
public final class AcsBits {
  /**
   * What groups require: source validation, request and completion redirect, upstream forwarding
   * (CORE-139).
   */
  public static final int REQUIRED =
      PciDevice.ACS_SV | PciDevice.ACS_RR | PciDevice.ACS_CR | PciDevice.ACS_UF;

  /** All seven functions. */
  public static final int ALL = 0x7f;

  private static final String[] NAMES = {"SV", "TB", "RR", "CR", "UF", "EC", "DT"};

  private AcsBits() {}

  /**
   * The short names of a set.
   *
   * @param bits a set of {@code ACS_} bits
   * @return for example {@code RR CR UF}; {@code none} for the empty set
   */
  public static String names(int bits) {
    StringJoiner names = new StringJoiner(" ");
    names.setEmptyValue("none");
    for (int i = 0; i < NAMES.length; i++) {
      if ((bits >> i & 1) != 0) {
        names.add(NAMES[i]);
      }
    }
    return names.toString();
  }

  /**
   * The bit of a short name.
   *
   * @param name for example {@code RR}, in capital letters
   * @return one {@code ACS_} bit, 0 if there is no such function
   */
  public static int bit(String name) {
    for (int i = 0; i < NAMES.length; i++) {
      if (NAMES[i].equals(name)) {
        return 1 << i;
      }
    }
    return 0;
  }
}
