package org.iommu4j.api;

import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The place of a PCI function in a machine; the order is the one in which buses are scanned.
 *
 * @param segment 0 to 0x7fffffff; above 0xffff on buses that a volume controller creates
 * @param bus 0 to 0xff
 * @param slot 0 to 0x1f
 * @param function 0 to 7
 */
record PciAddress(int segment, int bus, int slot, int function) implements Comparable<PciAddress> {
  private static final int SEGMENT_DIGITS = 4;
  private static final int MAX_DIGITS = 8;
  private static final int SHORT = "00:00.0".length();
  private static final HexFormat HEX = HexFormat.of();

  /** The number of a bus within a machine. */
  record Bus(int segment, int number) {
    @Override
    public String toString() {
      String high = segment > 0xffff ? Integer.toHexString(segment >>> 16) : "";
      return high + HEX.toHexDigits((short) segment) + ":" + HEX.toHexDigits((byte) number);
    }
  }

  /**
   * Reads an address; null if the text is none. By hand and not with a pattern: it is most of the
   * work of reading a large machine.
   */
  static @Nullable PciAddress parse(String text) {
    int bus = text.length() - SHORT;
    int digits = bus - 1;
    boolean shaped =
        bus == 0
            || (digits >= SEGMENT_DIGITS && digits <= MAX_DIGITS && text.charAt(digits) == ':');
    if (!shaped || text.charAt(bus + 2) != ':' || text.charAt(bus + 5) != '.') {
      return null;
    }
    int segment = bus == 0 ? 0 : hex(text, 0, digits);
    int number = hex(text, bus, 2);
    int slot = hex(text, bus + 3, 2);
    int function = hex(text, bus + 6, 1);
    boolean valid =
        segment >= 0 && number >= 0 && slot >= 0 && slot <= 0x1f && function >= 0 && function <= 7;
    return valid ? new PciAddress(segment, number, slot, function) : null;
  }

  /** The value of some hexadecimal digits, negative if one is none. */
  private static int hex(String text, int from, int digits) {
    int value = 0;
    for (int i = from; i < from + digits; i++) {
      if (!HexFormat.isHexDigit(text.charAt(i))) {
        return -1;
      }
      value = value << 4 | HexFormat.fromHexDigit(text.charAt(i));
    }
    return value;
  }

  private long rank() {
    return (long) segment << 16 | bus << 8 | slot << 3 | function;
  }

  Bus onBus() {
    return new Bus(segment, bus);
  }

  @Override
  public int compareTo(PciAddress other) {
    return Long.compare(rank(), other.rank());
  }

  @Override
  public String toString() {
    return onBus() + ":" + HEX.toHexDigits((byte) slot) + "." + function;
  }
}
