package org.iommu4j.cli.shell;

import java.util.List;

/** Prints its arguments, as the one that bash has built in: other options are words. */
final class Echo implements Command {
  @Override
  public int run(Session session, List<String> arguments) {
    boolean newline = true;
    boolean escapes = false;
    int first = 0;
    while (first < arguments.size() && arguments.get(first).matches("-[neE]+")) {
      for (char option : arguments.get(first).substring(1).toCharArray()) {
        newline &= option != 'n';
        escapes = option == 'e' || (escapes && option != 'E');
      }
      first++;
    }
    String text = String.join(" ", arguments.subList(first, arguments.size()));
    session.print((escapes ? unescape(text) : text) + (newline ? "\n" : ""));
    return SUCCESS;
  }

  private static String unescape(String text) {
    return text.replace("\\\\", "\u0001")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\0", "\0")
        .replace('\u0001', '\\');
  }

  @Override
  public String usage() {
    return "echo [-n] [-e] [TEXT]...";
  }

  @Override
  public String help() {
    return "prints its arguments; -n without newline, -e knows \\n \\t \\0";
  }
}
