package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The {@code key=value} fields of a definition. Each is taken once; what is left is an error. */
final class Attributes {
  private final ScriptLine line;
  private final Map<String, String> values = new LinkedHashMap<>();

  Attributes(ScriptLine line, List<String> fields) {
    this.line = line;
    for (String field : fields) {
      int equals = field.indexOf('=');
      if (equals <= 0) {
        throw line.error("\"" + field + "\" is not key=value");
      }
      String key = field.substring(0, equals);
      if (values.put(key, field.substring(equals + 1)) != null) {
        throw line.error(key + " is given twice");
      }
    }
  }

  @Nullable String text(String key) {
    return values.remove(key);
  }

  String text(String key, String absent) {
    String value = values.remove(key);
    return value == null ? absent : value;
  }

  /** A word that stands for something. */
  <T> T choice(String key, String absent, Map<String, T> meanings) {
    String value = text(key, absent);
    T meaning = meanings.get(value);
    if (meaning == null) {
      throw unexpected(key, value, "one of " + String.join(", ", meanings.keySet()));
    }
    return meaning;
  }

  boolean yes(String key, boolean absent) {
    return flag(key, absent ? "yes" : "no", "yes", "no");
  }

  boolean bit(String key) {
    return flag(key, "0", "1", "0");
  }

  private boolean flag(String key, String absent, String on, String off) {
    String value = text(key, absent);
    if (!value.equals(on) && !value.equals(off)) {
      throw unexpected(key, value, on + " or " + off);
    }
    return value.equals(on);
  }

  int decimal(String key, int absent) {
    String value = text(key);
    if (value == null) {
      return absent;
    }
    try {
      return Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw unexpected(key, value, "a decimal number");
    }
  }

  long hex(String key, long absent) {
    String value = text(key);
    return value == null ? absent : hexValue(key, value);
  }

  /** {@code START+LENGTH,...}: pairs of hexadecimal numbers. */
  List<long[]> ranges(String key) {
    String value = text(key);
    List<long[]> ranges = new ArrayList<>();
    if (value != null) {
      for (String range : value.split(",", -1)) {
        String[] parts = range.split("\\+", -1);
        if (parts.length != 2) {
          throw unexpected(key, value, "START+LENGTH[,START+LENGTH...]");
        }
        ranges.add(new long[] {hexValue(key, parts[0]), hexValue(key, parts[1])});
      }
    }
    return ranges;
  }

  List<String> list(String key) {
    String value = text(key);
    return value == null || value.isEmpty() ? List.of() : Arrays.asList(value.split(",", -1));
  }

  private long hexValue(String key, String value) {
    try {
      return Long.parseUnsignedLong(value, 16);
    } catch (NumberFormatException e) {
      throw unexpected(key, value, "a hexadecimal number");
    }
  }

  ScriptException unexpected(String key, String value, String wanted) {
    return line.error(key + "=" + value + ": wanted is " + wanted);
  }

  /** Complains about fields that nobody asked for. */
  void finish() {
    if (!values.isEmpty()) {
      throw line.error("unknown key " + values.keySet().iterator().next());
    }
  }
}
