package org.iommu4j.cli.shell;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Options and operands of a command.
 *
 * @param options letter, to its value or the empty string
 * @param operands the rest
 */
record Arguments(Map<Character, String> options, List<String> operands) {
  /** An option that the command does not have, or without the value it needs. */
  static final class Wrong extends Exception {
    private static final long serialVersionUID = 1L;

    Wrong(String message) {
      super(message);
    }
  }

  /**
   * Takes words apart.
   *
   * @param known letters of options; one followed by a colon takes a value
   */
  static Arguments parse(String known, List<String> words) throws Wrong {
    Map<Character, String> options = new LinkedHashMap<>();
    List<String> operands = new ArrayList<>();
    for (int i = 0; i < words.size(); i++) {
      String word = words.get(i);
      if (word.equals("--")) {
        operands.addAll(words.subList(i + 1, words.size()));
        break;
      }
      if (word.length() < 2 || word.charAt(0) != '-') {
        operands.add(word);
        continue;
      }
      for (int at = 1; at < word.length(); at++) {
        char letter = word.charAt(at);
        int place = letter == ':' ? -1 : known.indexOf(letter);
        if (place < 0) {
          throw new Wrong("invalid option -- '" + letter + "'");
        }
        if (place + 1 == known.length() || known.charAt(place + 1) != ':') {
          options.put(letter, "");
          continue;
        }
        if (at + 1 == word.length() && i + 1 == words.size()) {
          throw new Wrong("option requires an argument -- '" + letter + "'");
        }
        options.put(letter, at + 1 < word.length() ? word.substring(at + 1) : words.get(++i));
        break;
      }
    }
    return new Arguments(options, List.copyOf(operands));
  }

  boolean has(char letter) {
    return options.containsKey(letter);
  }

  /** The operands, or the working directory if there are none. */
  List<String> operandsOrHere() {
    return operands.isEmpty() ? List.of(".") : operands;
  }

  /** The value of an option that is a number above 0. */
  OptionalInt number(char letter) throws Wrong {
    String value = options.get(letter);
    if (value == null) {
      return OptionalInt.empty();
    }
    if (!value.matches("[1-9][0-9]{0,8}")) {
      throw new Wrong("invalid number -- '" + value + "'");
    }
    return OptionalInt.of(Integer.parseInt(value));
  }
}
