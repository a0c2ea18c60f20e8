package org.iommu4j.cli.shell;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.cli.shell.Statement.When;
import org.iommu4j.cli.shell.Statement.Word;
import org.jspecify.annotations.Nullable;

/** Cuts a line into statements: blanks, quotes, wildcards, {@code >}, {@code ;}, and, or. */
final class Lexer {
  private static final String WILDCARDS = "*?[";
  private static final String UNSUPPORTED = "<(){}$`";

  private final String line;
  private final List<Statement> statements = new ArrayList<>();
  private List<Word> words = new ArrayList<>();
  private When when = When.ALWAYS;
  private @Nullable Word target;
  private boolean targetIsNext;
  private @Nullable StringBuilder text;
  private StringBuilder glob = new StringBuilder();
  private boolean wild;
  private int next;

  private Lexer(String line) {
    this.line = line;
  }

  static List<Statement> parse(String line) throws SyntaxError {
    Lexer lexer = new Lexer(line);
    lexer.run();
    return lexer.statements;
  }

  private void run() throws SyntaxError {
    while (next < line.length()) {
      char symbol = line.charAt(next++);
      if (symbol == '#' && text == null) {
        break;
      }
      take(symbol);
    }
    endStatement(When.ALWAYS, "newline");
    if (when != When.ALWAYS) {
      throw new SyntaxError("unexpected end of line");
    }
  }

  private void take(char symbol) throws SyntaxError {
    switch (symbol) {
      case ' ', '\t', '\r' -> endWord();
      case '\'' -> singleQuoted();
      case '"' -> doubleQuoted();
      case '\\' -> escaped();
      case '>' -> redirect();
      case ';' -> endStatement(When.ALWAYS, ";");
      case '&' -> endStatement(doubled('&', When.AFTER_SUCCESS), "&&");
      case '|' -> endStatement(doubled('|', When.AFTER_FAILURE), "||");
      default -> plain(symbol);
    }
  }

  private When doubled(char symbol, When meaning) throws SyntaxError {
    if (next == line.length() || line.charAt(next) != symbol) {
      throw new SyntaxError("'" + symbol + "' is not supported");
    }
    next++;
    return meaning;
  }

  private void plain(char symbol) throws SyntaxError {
    if (UNSUPPORTED.indexOf(symbol) >= 0) {
      throw new SyntaxError("'" + symbol + "' is not supported; quote it");
    }
    add(symbol, WILDCARDS.indexOf(symbol) >= 0);
  }

  private void add(char symbol, boolean wildcard) {
    begin().append(symbol);
    if (!wildcard && !Character.isLetterOrDigit(symbol) && symbol != '/' && !isClassPart(symbol)) {
      glob.append('\\');
    }
    glob.append(symbol);
    wild |= wildcard;
  }

  /** Inside a wildcard's brackets these mean something. */
  private boolean isClassPart(char symbol) {
    return wild && (symbol == ']' || symbol == '-' || symbol == '!');
  }

  private void addQuoted(char symbol) {
    begin().append(symbol);
    glob.append('\\').append(symbol);
  }

  private StringBuilder begin() {
    StringBuilder begun = text;
    if (begun == null) {
      begun = new StringBuilder();
      text = begun;
    }
    return begun;
  }

  private void singleQuoted() throws SyntaxError {
    begin();
    int end = line.indexOf('\'', next);
    if (end < 0) {
      throw new SyntaxError("a quote is not closed");
    }
    line.substring(next, end).chars().forEach(symbol -> addQuoted((char) symbol));
    next = end + 1;
  }

  private void doubleQuoted() throws SyntaxError {
    begin();
    while (next < line.length()) {
      char symbol = line.charAt(next++);
      if (symbol == '"') {
        return;
      }
      if (symbol == '$' || symbol == '`') {
        throw new SyntaxError("'" + symbol + "' is not supported; quote it");
      }
      boolean escapes =
          symbol == '\\' && next < line.length() && "\"\\$`".indexOf(line.charAt(next)) >= 0;
      addQuoted(escapes ? line.charAt(next++) : symbol);
    }
    throw new SyntaxError("a quote is not closed");
  }

  private void escaped() throws SyntaxError {
    if (next == line.length()) {
      throw new SyntaxError("nothing follows '\\'");
    }
    addQuoted(line.charAt(next++));
  }

  /** Appending and overwriting are one to sysfs. */
  private void redirect() throws SyntaxError {
    if (text != null && text.chars().allMatch(Character::isDigit) && !text.isEmpty()) {
      throw new SyntaxError("only standard output can be redirected");
    }
    endWord();
    if (targetIsNext) {
      throw new SyntaxError("unexpected '>'");
    }
    if (next < line.length() && line.charAt(next) == '>') {
      next++;
    }
    targetIsNext = true;
  }

  private void endWord() {
    StringBuilder ended = text;
    if (ended == null) {
      return;
    }
    Word word = new Word(ended.toString(), wild ? glob.toString() : null);
    if (targetIsNext) {
      target = word;
    } else {
      words.add(word);
    }
    targetIsNext = false;
    text = null;
    glob = new StringBuilder();
    wild = false;
  }

  private void endStatement(When then, String by) throws SyntaxError {
    endWord();
    if (targetIsNext) {
      throw new SyntaxError("unexpected " + by + " after '>'");
    }
    if (!words.isEmpty() || target != null) {
      statements.add(new Statement(when, List.copyOf(words), target));
      when = When.ALWAYS;
    } else if (!by.equals("newline")) {
      throw new SyntaxError("unexpected '" + by + "'");
    }
    words = new ArrayList<>();
    target = null;
    if (then != When.ALWAYS) {
      when = then;
    }
  }
}
