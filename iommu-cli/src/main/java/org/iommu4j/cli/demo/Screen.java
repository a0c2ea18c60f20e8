package org.iommu4j.cli.demo;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.io.PrintWriter;
import java.util.Locale;

/** Where a demo shows what it does: indented, aligned, coloured if wanted. For one thread. */
public final class Screen {
  private static final String INDENT = "   ";

  private final PrintWriter out;
  private final boolean colour;
  private final Glyphs glyphs;
  private int scenes;

  /**
   * Creates a screen.
   *
   * @param out where lines go
   * @param colour whether to use the colours of a terminal
   * @param unicode whether signs beyond ASCII can be shown
   */
  public Screen(PrintWriter out, boolean colour, boolean unicode) {
    this.out = out;
    this.colour = colour;
    this.glyphs = unicode ? Glyphs.UNICODE : Glyphs.ASCII;
  }

  Glyphs glyphs() {
    return glyphs;
  }

  /** Text with a look. */
  String paint(Style style, String text) {
    return colour ? style.paint(text) : text;
  }

  /** A line as it is. */
  void raw(String line) {
    out.print(line.stripTrailing() + "\n");
    out.flush();
  }

  /** The title and the explanation of the next scene. */
  void scene(String title, String... explanation) {
    raw("");
    raw(paint(Style.TITLE, ++scenes + "  " + title));
    for (String line : explanation) {
      if (!line.isEmpty()) {
        line(Style.DIM, line);
      }
    }
    raw("");
  }

  void blank() {
    raw("");
  }

  void line(Style style, String text) {
    raw(INDENT + paint(style, text));
  }

  @FormatMethod
  void line(@FormatString String format, Object... operands) {
    raw(INDENT + String.format(Locale.ROOT, format, operands));
  }

  /** What somebody does. */
  void command(String text) {
    raw(INDENT + paint(Style.COMMAND, "$ " + text));
  }

  /** What became of it. */
  void done(String text) {
    raw(INDENT + "  " + paint(Style.GOOD, glyphs.done()) + " " + text);
  }

  /** What somebody was refused, as it should be. */
  void refused(String text) {
    raw(INDENT + "  " + paint(Style.REFUSED, glyphs.refused() + " " + text));
  }

  /** What should not have happened. */
  void wrong(String text) {
    raw(INDENT + "  " + paint(Style.BAD, "!! " + text));
  }

  static String number(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }
}
