package org.iommu4j.topology;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.CharConversionException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.jspecify.annotations.Nullable;

/**
 * A JSON text on the way through its parser, and where it is at the moment.
 *
 * <p>The typed getters read the value the parser stands on. They return null for a JSON null and
 * refuse every other type than their own.
 */
final class JsonText {
  static final String NOT_UTF_8 = "the text is not in UTF-8";

  private static final int SHOWN = 60;
  static final int MAX_LABEL = 200;
  private static final int MAX_ADDRESS = 20;

  private static final Pattern OWN_PLACE =
      Pattern.compile(" \\((?:for \\w+ starting|start marker) at .*");

  private final JsonParser parser;
  private final String sourceName;
  private @Nullable String subject;

  JsonText(JsonParser parser, String sourceName) {
    this.parser = parser;
    this.sourceName = sourceName;
  }

  /** Something that reads this text. */
  interface Reading {
    PciTopology read() throws IOException;
  }

  /** Runs a reading; whatever is wrong with the text, and only that, is a TopologyException. */
  PciTopology guarded(Reading reading) throws IOException {
    try {
      return reading.read();
    } catch (StreamConstraintsException e) {
      String excess = e.getOriginalMessage().replaceFirst(", from `[^`]*`", "");
      throw broken("no machine description: " + excess, parser.currentLocation());
    } catch (JsonProcessingException e) {
      throw broken(fault(e), e.getLocation());
    } catch (CharConversionException | CharacterCodingException e) {
      throw broken(NOT_UTF_8, parser.currentLocation());
    }
  }

  private static String fault(JsonProcessingException e) {
    String message = e.getOriginalMessage();
    if (e instanceof JsonEOFException || message.startsWith("Unexpected end-of-input")) {
      return "the text ends before the machine is complete";
    }
    // The parser adds the place where an object began, in parentheses and in its own terms.
    return "not JSON: " + OWN_PLACE.matcher(message).replaceFirst("");
  }

  private TopologyException broken(String problem, @Nullable JsonLocation where) {
    return aboutSubject(printable(problem, 4 * SHOWN))
        .at(sourceName, where == null ? 0 : Math.max(0, where.getLineNr()));
  }

  /** Names what the next refusals are about: a device, or null for the machine. */
  void subject(@Nullable String name) {
    subject = name;
  }

  /** A refusal at the present place. */
  TopologyException refusal(String problem) {
    return aboutSubject(problem).at(sourceName, line());
  }

  String sourceName() {
    return sourceName;
  }

  private TopologyException aboutSubject(String problem) {
    return new TopologyException(subject == null ? null : printable(subject, SHOWN), problem);
  }

  /** The line of the present token, counted from 1. */
  int line() {
    return Math.max(0, parser.currentTokenLocation().getLineNr());
  }

  /** Goes to the next token; null at the end of the text. */
  @Nullable JsonToken next() throws IOException {
    return parser.nextToken();
  }

  /** Goes to the value of the next name of the present object, and returns the name. */
  @Nullable String nextName() throws IOException {
    String name = parser.nextFieldName();
    if (name != null) {
      parser.nextToken();
    }
    return name;
  }

  boolean isAt(JsonToken token) {
    return parser.hasToken(token);
  }

  /** Passes over the present value, however large it is. */
  void skip() throws IOException {
    parser.skipChildren();
  }

  @Nullable String string(String name) throws IOException {
    if (isAt(JsonToken.VALUE_NULL)) {
      return null;
    }
    if (!isAt(JsonToken.VALUE_STRING)) {
      throw wrong(name, "a text");
    }
    return parser.getText();
  }

  /** A text that people may see: control characters are replaced, and a long one is cut. */
  @Nullable String label(String name) throws IOException {
    String given = string(name);
    return given == null ? null : printable(given, MAX_LABEL);
  }

  /** A text that could be the address of a PCI function; where it leads is checked later. */
  @Nullable String address(String name) throws IOException {
    String given = string(name);
    if (given != null && (given.length() > MAX_ADDRESS || !isMadeOf(given, ":."))) {
      throw wrong(name, "a PCI address such as 0000:01:00.0");
    }
    return given;
  }

  /** A text of hexadecimal digits. */
  @Nullable String hex(String name, int maxDigits) throws IOException {
    String digits = string(name);
    if (digits != null
        && (digits.isEmpty() || digits.length() > maxDigits || !isMadeOf(digits, ""))) {
      throw wrong(name, "a text of up to " + maxDigits + " hexadecimal digits");
    }
    return digits;
  }

  private static boolean isMadeOf(String text, String hexDigitsAnd) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!HexFormat.isHexDigit(c) && hexDigitsAnd.indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  @Nullable Integer number(String name, int max) throws IOException {
    if (isAt(JsonToken.VALUE_NULL)) {
      return null;
    }
    boolean small =
        isAt(JsonToken.VALUE_NUMBER_INT) && parser.getNumberType() == JsonParser.NumberType.INT;
    if (!small || parser.getIntValue() < 0 || parser.getIntValue() > max) {
      throw wrong(name, "a number within 0.." + max);
    }
    return parser.getIntValue();
  }

  /** The low bits of a register, however wide it is; null if the value is no whole number. */
  @Nullable Integer lowBits(int mask) throws IOException {
    if (!isAt(JsonToken.VALUE_NUMBER_INT)
        || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
      parser.skipChildren();
      return null;
    }
    return (int) parser.getLongValue() & mask;
  }

  @Nullable Boolean truth(String name) throws IOException {
    if (isAt(JsonToken.VALUE_NULL)) {
      return null;
    }
    if (!isAt(JsonToken.VALUE_TRUE) && !isAt(JsonToken.VALUE_FALSE)) {
      throw wrong(name, "true or false");
    }
    return parser.getBooleanValue();
  }

  TopologyException wrong(String name, String expected) throws IOException {
    JsonToken token = parser.currentToken();
    String found =
        token == JsonToken.START_OBJECT
            ? "an object"
            : token == JsonToken.START_ARRAY ? "a list" : quoted(String.valueOf(parser.getText()));
    return refusal(name + " is " + found + ", not " + expected);
  }

  /** A text from outside, short and printable. */
  static String quoted(String text) {
    return "'" + printable(text, SHOWN) + "'";
  }

  /** The beginning of a text without characters that a terminal would obey. */
  static String printable(String text, int length) {
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < Math.min(text.length(), length); i++) {
      char c = text.charAt(i);
      shown.append(obeyed(c) ? '?' : c);
    }
    return text.length() > length ? shown.append("...").toString() : shown.toString();
  }

  private static boolean obeyed(char c) {
    return Character.isISOControl(c) || Character.getType(c) == Character.FORMAT;
  }
}
