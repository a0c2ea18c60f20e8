package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.jspecify.annotations.Nullable;

/** The words of one op, taken from left to right; complains with the line's number. */
final class Words {
  private final Machine machine;
  private final ScriptLine line;
  private final String op;
  private final List<Word> words;
  private int next;

  /** A word and where it begins; a quoted one is given without quotes and escapes. */
  private record Word(String text, int start) {}

  /**
   * Takes an op apart.
   *
   * @param line where it stands
   * @param op the op without the leading {@code >}
   */
  Words(Machine machine, ScriptLine line, String op) {
    this.machine = machine;
    this.line = line;
    this.op = op;
    this.words = split(op);
  }

  private List<Word> split(String text) {
    List<Word> all = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      if (text.charAt(at) == ' ') {
        at++;
      } else if (text.charAt(at) == '"') {
        StringBuilder unquoted = new StringBuilder();
        int end = unquote(text, at + 1, unquoted);
        all.add(new Word(unquoted.toString(), at));
        at = end;
      } else {
        int end = text.indexOf(' ', at);
        end = end < 0 ? text.length() : end;
        all.add(new Word(text.substring(at, end), at));
        at = end;
      }
    }
    return all;
  }

  /** Reads up to the closing quote and returns the position behind it. */
  private int unquote(String text, int start, StringBuilder unquoted) {
    int at = start;
    while (at < text.length() && text.charAt(at) != '"') {
      char c = text.charAt(at++);
      if (c == '\\' && at < text.length()) {
        char escaped = text.charAt(at++);
        c =
            switch (escaped) {
              case 'n' -> '\n';
              case 't' -> '\t';
              case '\\', '"' -> escaped;
              default -> throw error("unknown escape \\" + escaped);
            };
      }
      unquoted.append(c);
    }
    if (at == text.length()) {
      throw error("a quote is not closed");
    }
    return at + 1;
  }

  boolean more() {
    return next < words.size();
  }

  /** The next word without taking it. */
  @Nullable String peek() {
    return more() ? words.get(next).text() : null;
  }

  String word(String what) {
    if (!more()) {
      throw error(what + " is missing");
    }
    return words.get(next++).text();
  }

  /** Takes the next word if it is the given one. */
  boolean optional(String word) {
    boolean there = word.equals(peek());
    if (there) {
      next++;
    }
    return there;
  }

  /** Takes all that is left, as it is written. */
  String rest(String what) {
    if (!more()) {
      throw error(what + " is missing");
    }
    String rest = op.substring(words.get(next).start());
    next = words.size();
    return rest;
  }

  /** A word, or null for {@code null}. */
  @Nullable String wordOrNull(String what) {
    String word = word(what);
    return word.equals("null") ? null : word;
  }

  Device device() {
    String name = word("DEV");
    Device device = machine.device(name);
    if (device == null) {
      throw error("device " + name + " is not defined");
    }
    return device;
  }

  RecordingIommu iommu() {
    return iommu(word("I"));
  }

  private RecordingIommu iommu(String name) {
    RecordingIommu iommu = machine.iommu(name);
    if (iommu == null) {
      throw error("instance " + name + " is not defined");
    }
    return iommu;
  }

  /** A group or a device. */
  Target target() {
    String name = peek();
    return name != null && GroupRef.PATTERN.matcher(name).matches()
        ? new Target(group(), null)
        : new Target(null, device());
  }

  GroupRef group() {
    String name = word("GRP");
    if (!GroupRef.PATTERN.matcher(name).matches()) {
      throw error("\"" + name + "\" is not a group");
    }
    try {
      return new GroupRef(Integer.parseInt(name.substring(1)));
    } catch (NumberFormatException e) {
      throw error("\"" + name + "\" is not a group");
    }
  }

  DomainRef domain() {
    String name = word("DOM");
    int at = name.indexOf('@');
    String bare = at < 0 ? name : name.substring(0, at);
    RecordingIommu owner = at < 0 ? machine.firstIommu() : iommu(name.substring(at + 1));
    DomainRef ref = DomainRef.parse(bare, owner);
    if (ref == null || (at >= 0 && !ref.isStatic())) {
      throw error("\"" + name + "\" is not a domain");
    }
    return ref;
  }

  /** A handle's name, or null for {@code none}. */
  @Nullable String handle() {
    String name = word("H");
    return name.equals("none") ? null : name;
  }

  Errno errno() {
    String name = word("ERRNO");
    return Errno.ofName(name).orElseThrow(() -> error("\"" + name + "\" is not an errno"));
  }

  long hex(String what) {
    return hex(what, word(what));
  }

  long hex(String what, String digits) {
    try {
      return Long.parseUnsignedLong(digits, 16);
    } catch (NumberFormatException e) {
      throw error(what + " \"" + digits + "\" is not a hexadecimal number");
    }
  }

  /** A decimal number of at most 32 bits. */
  int decimal(String what) {
    String digits = word(what);
    try {
      return digits.startsWith("-") ? Integer.parseInt(digits) : Integer.parseUnsignedInt(digits);
    } catch (NumberFormatException e) {
      throw error(what + " \"" + digits + "\" is not a decimal number");
    }
  }

  /** The op has no more words. */
  void end() {
    if (more()) {
      throw error("\"" + words.get(next).text() + "\" is too much");
    }
  }

  ScriptLine line() {
    return line;
  }

  Machine machine() {
    return machine;
  }

  ScriptException error(String problem) {
    return line.error(problem + ", in: " + op);
  }
}
