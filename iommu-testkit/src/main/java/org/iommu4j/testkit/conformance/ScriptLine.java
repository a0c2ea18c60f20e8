package org.iommu4j.testkit.conformance;

import java.util.Arrays;
import java.util.List;

/**
 * One line of a script.
 *
 * @param source the script's file or name
 * @param number the line's number, from 1
 * @param text the line without its end
 */
record ScriptLine(String source, int number, String text) {
  /** What a line says, told by its beginning. */
  enum Kind {
    BLANK,
    COMMENT,
    CONFIG,
    INSTANCE,
    DEVICE,
    OP,
    /** Effects, results, states and verdicts: printed by the replay, not read by it. */
    OUTPUT
  }

  Kind kind() {
    if (text.isEmpty()) {
      return Kind.BLANK;
    }
    return switch (text.charAt(0)) {
      case '#' -> Kind.COMMENT;
      case ' ', '=', '.', '!' -> Kind.OUTPUT;
      case '>' -> Kind.OP;
      default -> definition();
    };
  }

  private Kind definition() {
    return switch (words().get(0)) {
      case "config" -> Kind.CONFIG;
      case "instance" -> Kind.INSTANCE;
      case "device" -> Kind.DEVICE;
      default -> throw error("a line cannot begin with \"" + words().get(0) + "\"");
    };
  }

  /** The fields of a definition. */
  List<String> words() {
    return Arrays.stream(text.split(" ")).filter(word -> !word.isEmpty()).toList();
  }

  ScriptException error(String problem) {
    return new ScriptException(source, number, problem);
  }
}
