package org.iommu4j.cli.demo;

/** The signs that lines are drawn with. */
record Glyphs(
    String branch,
    String last,
    String pipe,
    String done,
    String refused,
    String arrow,
    String dot) {
  static final Glyphs UNICODE =
      new Glyphs(
          "\u251c\u2500 ", "\u2514\u2500 ", "\u2502", "\u2713", "\u2717", "\u2192", "\u00b7");
  static final Glyphs ASCII = new Glyphs("|- ", "`- ", "|", "+", "x", "->", "-");
}
