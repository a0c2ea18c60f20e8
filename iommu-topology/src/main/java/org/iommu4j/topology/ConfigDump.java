package org.iommu4j.topology;

import java.util.Arrays;

/** The bytes of a configuration space as far as a hexadecimal dump shows them. */
final class ConfigDump {
  private static final int SIZE = 4096;
  private static final short UNKNOWN = -1;

  /** Empty until something is shown, as in most texts. */
  private short[] bytes = {};

  private int shown;

  /** Takes a line such as {@code 10: 04 00 ...}; false if it is none. */
  boolean accept(String line) {
    int colon = line.indexOf(": ");
    if (colon < 2 || colon > 3 || line.length() < colon + 4) {
      return false;
    }
    int offset = hex(line, 0, colon);
    if (offset < 0) {
      return false;
    }
    int at = offset;
    for (int i = colon + 2; i + 2 <= line.length() && at < SIZE; i += 3) {
      int value = hex(line, i, i + 2);
      if (value < 0 || (i + 2 < line.length() && line.charAt(i + 2) != ' ')) {
        return at > offset;
      }
      put(at++, value);
      shown++;
    }
    return true;
  }

  private void put(int at, int value) {
    if (bytes.length == 0) {
      bytes = new short[SIZE];
      Arrays.fill(bytes, UNKNOWN);
    }
    bytes[at] = (short) value;
  }

  private static int hex(String text, int from, int to) {
    int value = 0;
    for (int i = from; i < to; i++) {
      int digit = Character.digit(text.charAt(i), 16);
      if (digit < 0) {
        return -1;
      }
      value = value << 4 | digit;
    }
    return value;
  }

  /** Whether a function answers here, and not all ones. */
  boolean answers() {
    return shown > 0 && has(0, 4) && number(0, 4) != 0xffff_ffffL;
  }

  boolean has(int offset, int length) {
    for (int i = 0; i < length; i++) {
      if (offset + i >= bytes.length || bytes[offset + i] == UNKNOWN) {
        return false;
      }
    }
    return true;
  }

  /** A little-endian number. */
  long number(int offset, int length) {
    long value = 0;
    for (int i = length - 1; i >= 0; i--) {
      value = value << 8 | bytes[offset + i];
    }
    return value;
  }
}
