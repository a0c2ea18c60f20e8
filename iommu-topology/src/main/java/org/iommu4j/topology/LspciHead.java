package org.iommu4j.topology;

import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The first line of a function: address, class, name and, as far as printed, ids. */
final class LspciHead {
  private static final int LONGEST = 500;

  /** {@code PCI bridge [0604]: Intel ... [8086:a294] (rev f0)}. */
  private static final Pattern CLASS = Pattern.compile(" ?\\[([0-9a-f]{4})\\]: ");

  private static final Pattern IDS = Pattern.compile("\\[([0-9a-f]{4}):([0-9a-f]{4})\\]");

  /** {@code 00:1c.0 0604: 8086:a294 (rev f0)}, also with the word {@code Class} before it. */
  private static final Pattern IDS_ONLY =
      Pattern.compile("(?:Class )?([0-9a-f]{4}): ([0-9a-f]{4}):([0-9a-f]{4})(?: (.*))?");

  private static final Pattern INTERFACE = Pattern.compile("\\(prog-if ([0-9a-f]{2})");

  /** The classes that matter to groups, by the names that are printed without their numbers. */
  private static final Map<String, String> CLASSES =
      Map.ofEntries(
          Map.entry("Host bridge", "0600"),
          Map.entry("ISA bridge", "0601"),
          Map.entry("PCI bridge", "0604"),
          Map.entry("CardBus bridge", "0607"),
          Map.entry("Bridge", "0680"),
          Map.entry("RAID bus controller", "0104"),
          Map.entry("SATA controller", "0106"),
          Map.entry("Non-Volatile memory controller", "0108"),
          Map.entry("Ethernet controller", "0200"),
          Map.entry("Network controller", "0280"),
          Map.entry("VGA compatible controller", "0300"),
          Map.entry("3D controller", "0302"),
          Map.entry("Display controller", "0380"),
          Map.entry("Audio device", "0403"),
          Map.entry("Multimedia audio controller", "0401"),
          Map.entry("IOMMU", "0806"),
          Map.entry("USB controller", "0c03"),
          Map.entry("SMBus", "0c05"));

  private final String text;

  private LspciHead(String text) {
    this.text = text;
  }

  static void read(String line, FunctionFacts facts) {
    int space = line.indexOf(' ');
    facts.address = line.substring(0, space).toLowerCase(Locale.ROOT);
    String rest = line.substring(space).strip();
    new LspciHead(rest.substring(0, Math.min(LONGEST, rest.length()))).read(facts);
  }

  private void read(FunctionFacts facts) {
    Matcher type = CLASS.matcher(text);
    Matcher bare = IDS_ONLY.matcher(text);
    if (type.find()) {
      facts.classCode = type.group(1);
      readName(text.substring(type.end()), facts);
    } else if (bare.matches()) {
      facts.classCode = bare.group(1);
      ids(facts, bare.group(2), bare.group(3));
    } else {
      readWithoutNumbers(facts);
    }
    Matcher programming = INTERFACE.matcher(text);
    if (facts.classCode != null && programming.find() && !programming.group(1).equals("ff")) {
      facts.classCode += programming.group(1);
    }
  }

  /** Names may have brackets of their own; the last ones that look like ids are the ids. */
  private static void readName(String rest, FunctionFacts facts) {
    Matcher ids = IDS.matcher(rest);
    int end = -1;
    while (ids.find()) {
      end = ids.start();
      ids(facts, ids.group(1), ids.group(2));
    }
    facts.description = label(end >= 0 ? rest.substring(0, end) : withoutRevision(rest));
  }

  private static void ids(FunctionFacts facts, String vendor, String device) {
    facts.vendor = Integer.parseInt(vendor, 16);
    facts.device = Integer.parseInt(device, 16);
  }

  private void readWithoutNumbers(FunctionFacts facts) {
    int colon = text.indexOf(": ");
    facts.classCode = CLASSES.get(colon < 0 ? text : text.substring(0, colon));
    if (colon >= 0) {
      facts.description = label(withoutRevision(text.substring(colon + 2)));
    }
  }

  private static String withoutRevision(String name) {
    return name.replaceFirst(" \\((?:rev|prog-if) .*", "");
  }

  private static @Nullable String label(String name) {
    String bare = name.strip();
    return bare.isEmpty() ? null : JsonText.printable(bare, JsonText.MAX_LABEL);
  }
}
