package org.iommu4j.topology;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * IOMMU groups that stand beside a listing: older versions of {@code lspci} do not print them, so
 * reports add what the kernel logged, what sysfs shows, or what the usual scripts make of it.
 */
final class GroupLines {
  private static final int SEARCHED = 300;
  private static final String BDF =
      "((?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\\.[0-7])\\b";

  private static final Pattern SYSFS = Pattern.compile("iommu_groups/(\\d{1,9})/devices/" + BDF);
  private static final Pattern LOG =
      Pattern.compile(
          "(?:"
              + BDF
              + ": Adding to iommu group (\\d{1,9}))|(?:Adding device "
              + BDF
              + " to group (\\d{1,9}))");
  private static final Pattern SCRIPT =
      Pattern.compile("^\\s*IOMMU [Gg]roup (\\d{1,9}):?\\s*(?:" + BDF + ")?");
  private static final Pattern INDENTED = Pattern.compile("^\\s+" + BDF);

  private final Map<String, Integer> groups = new HashMap<>();
  private @Nullable Integer heading;

  private GroupLines() {}

  /** The groups by full address in lower case; empty if there are no such lines. */
  static Map<String, Integer> find(List<String> text) {
    GroupLines lines = new GroupLines();
    for (String line : text) {
      lines.read(line.substring(0, Math.min(SEARCHED, line.length())));
    }
    return lines.groups;
  }

  /** An address with its segment, as it is used for a key. */
  static String full(String address) {
    String lower = address.toLowerCase(Locale.ROOT);
    return lower.indexOf(':') == lower.lastIndexOf(':') ? "0000:" + lower : lower;
  }

  private void read(String line) {
    if (line.contains("iommu_groups/")) {
      Matcher sysfs = SYSFS.matcher(line);
      while (sysfs.find()) {
        put(sysfs.group(2), sysfs.group(1));
      }
    } else if (line.contains("Adding ")) {
      Matcher log = LOG.matcher(line);
      if (log.find()) {
        boolean late = log.group(1) != null;
        put(late ? log.group(1) : log.group(3), late ? log.group(2) : log.group(4));
      }
    } else {
      readScript(line);
    }
  }

  private void readScript(String line) {
    Matcher script = SCRIPT.matcher(line);
    if (line.contains("IOMMU ") && script.find()) {
      heading = script.group(2) == null ? Integer.valueOf(script.group(1)) : null;
      if (script.group(2) != null) {
        put(script.group(2), script.group(1));
      }
      return;
    }
    Integer number = heading;
    Matcher member = INDENTED.matcher(line);
    if (number == null) {
      return;
    }
    if (member.find()) {
      groups.putIfAbsent(full(member.group(1)), number);
    } else {
      heading = null;
    }
  }

  private void put(String address, String number) {
    groups.putIfAbsent(full(address), Integer.valueOf(number));
  }
}
