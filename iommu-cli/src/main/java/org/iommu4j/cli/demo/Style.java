package org.iommu4j.cli.demo;

/** How a piece of text looks on a terminal. */
enum Style {
  PLAIN(""),
  TITLE("1;36"),
  BOLD("1"),
  DIM("2"),
  GOOD("32"),
  BAD("1;31"),
  REFUSED("33"),
  COMMAND("35");

  private final String code;

  Style(String code) {
    this.code = code;
  }

  String paint(String text) {
    return code.isEmpty() ? text : "\u001b[" + code + "m" + text + "\u001b[0m";
  }
}
