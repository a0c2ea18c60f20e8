package org.iommu4j.testkit.sysfs;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Turns a glob, as {@link java.nio.file.FileSystem#getPathMatcher} defines it, into a pattern. */
final class Glob {
  private static final char END = 0;

  private final String glob;
  private final StringBuilder regex = new StringBuilder();
  private int next;
  private boolean inGroup;

  private Glob(String glob) {
    this.glob = glob;
  }

  static Pattern compile(String glob) {
    return new Glob(glob).compile();
  }

  private Pattern compile() {
    while (next < glob.length()) {
      translate(glob.charAt(next++));
    }
    if (inGroup) {
      throw wrong("Missing '}'");
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }

  private void translate(char symbol) {
    switch (symbol) {
      case '\\' -> literal(escaped());
      case '*' -> star();
      case '?' -> regex.append("[^/]");
      case '[' -> bracket();
      case '{' -> openGroup();
      case '}' -> closeGroup();
      case ',' -> regex.append(inGroup ? "|" : ",");
      default -> literal(symbol);
    }
  }

  private void star() {
    if (peek() == '*') {
      next++;
      regex.append(".*");
    } else {
      regex.append("[^/]*");
    }
  }

  private void openGroup() {
    if (inGroup) {
      throw wrong("Cannot nest groups");
    }
    inGroup = true;
    regex.append("(?:");
  }

  private void closeGroup() {
    if (inGroup) {
      inGroup = false;
      regex.append(')');
    } else {
      literal('}');
    }
  }

  private void bracket() {
    regex.append("[[^/]&&[");
    if (peek() == '!') {
      next++;
      regex.append('^');
    }
    if (peek() == '-') {
      next++;
      regex.append("\\-");
    }
    while (peek() != ']') {
      char symbol = peek();
      if (symbol == END || symbol == '/') {
        throw wrong(symbol == END ? "Missing ']'" : "Explicit 'name separator' in class");
      }
      next++;
      if (symbol == '-') {
        regex.append('-');
      } else {
        literal(symbol);
      }
    }
    next++;
    regex.append("]]");
  }

  private char escaped() {
    if (next == glob.length()) {
      throw wrong("No character to escape");
    }
    return glob.charAt(next++);
  }

  private char peek() {
    return next < glob.length() ? glob.charAt(next) : END;
  }

  private void literal(char symbol) {
    if (!Character.isLetterOrDigit(symbol) && symbol < 0x80) {
      regex.append('\\');
    }
    regex.append(symbol);
  }

  private PatternSyntaxException wrong(String what) {
    return new PatternSyntaxException(what, glob, next - 1);
  }
}
