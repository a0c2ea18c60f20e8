package org.iommu4j.testkit.sysfs;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** Reads what is written to the files of devices and drivers, by the kernel's rules. */
final class Words {
  /** Octal after a 0, hexadecimal after 0x, otherwise decimal. */
  private static final Pattern NUMBER =
      Pattern.compile("\\+?(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\n?");

  private static final int LONGEST = 15;

  private Words() {}

  /** A name, with at most one newline after it. */
  static String name(String text) {
    return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }

  /** Everything before the first newline. */
  static String line(String text) {
    int end = text.indexOf('\n');
    return end < 0 ? text : text.substring(0, end);
  }

  /**
   * An unsigned number.
   *
   * @throws IommuException EINVAL for anything else, or above the largest
   */
  static long number(String text, long largest) {
    Matcher found = NUMBER.matcher(text);
    if (found.matches() && found.end() - found.start() <= LONGEST) {
      long value =
          found.group(1) != null
              ? Long.parseLong(found.group(1), 16)
              : found.group(2) != null
                  ? Long.parseLong(found.group(2), 8)
                  : Long.parseLong(found.group(3));
      if (value <= largest) {
        return value;
      }
    }
    throw new IommuException(
        Errno.EINVAL, "'" + name(text) + "' is not a number up to 0x" + Long.toHexString(largest));
  }

  /**
   * Yes or no; only the first letter counts, after an o the second.
   *
   * @throws IommuException EINVAL for neither
   */
  static boolean yes(String text) {
    String start = text.length() < 2 ? text : text.substring(0, 2);
    if (start.matches("(?s)[yYtT1].?|[oO][nN]")) {
      return true;
    }
    if (start.matches("(?s)[nNfF0].?|[oO][fF]")) {
      return false;
    }
    throw new IommuException(Errno.EINVAL, "'" + name(text) + "' is neither yes nor no");
  }
}
