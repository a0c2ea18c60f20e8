package org.iommu4j.topology;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.iommu4j.api.TopologyException;
import org.jspecify.annotations.Nullable;

/** Cuts a text into the blocks that {@code lspci} prints, one a function. */
final class LspciBlocks {
  private static final Pattern HEAD =
      Pattern.compile(
          "(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\\.[0-7] +[A-Za-z0-9\"].*");

  /** An address is in the first characters of a line, or nowhere. */
  private static final int SEARCHED = 60;

  /** What quotes or indents a whole text. */
  private static final Pattern MARGIN = Pattern.compile("^[> ]*(?:\\| ?)?");

  private static final Pattern DUMP = Pattern.compile("[0-9a-f]{2,3}: (?:[0-9a-f?]{2} ?)+");

  /** How lines begin that are not the rest of the line before: a key, a capability, a remark. */
  private static final Pattern KEY = Pattern.compile("(?:[A-Z][\\w /().-]{0,40}:|!!!).*");

  /** What only stands at the beginning of a line if the line was wrapped. */
  private static final Pattern REST =
      Pattern.compile(
          "(?:secondary=|subordinate=|sec-latency="
              + "|(?:SrcValid|TransBlk|ReqRedir|CmpltRedir|UpstreamFwd|EgressCtrl|DirectTrans)[+-])"
              + ".*");

  private LspciBlocks() {}

  /**
   * One function as it is printed.
   *
   * @param line where it begins, counted from 1
   * @param head the first line
   * @param body the other lines, stripped; wrapped ones are put together
   */
  record Block(int line, String head, List<String> body) {}

  /** The blocks of a text; at least one. */
  static List<Block> of(List<String> text, String sourceName) {
    List<Block> blocks = cut(text, false);
    if (blocks.isEmpty()) {
      blocks = cut(text, true);
    }
    if (blocks.isEmpty()) {
      throw new TopologyException(
              null,
              "no PCI function is listed: neither a machine description in JSON nor the output of"
                  + " lspci (wanted: sudo lspci -vvvnn)")
          .at(sourceName, 0);
    }
    return blocks;
  }

  private static List<Block> cut(List<String> text, boolean withMargin) {
    List<Block> blocks = new ArrayList<>();
    Draft draft = null;
    for (int i = 0; i < text.size(); i++) {
      String line = withMargin ? withoutMargin(text.get(i)) : text.get(i);
      if (isHead(line)) {
        finish(draft, blocks);
        draft = new Draft(i + 1, line.stripTrailing());
      } else if (draft != null && line.isBlank()) {
        draft.pause();
      } else if (draft != null && !draft.accept(line)) {
        finish(draft, blocks);
        draft = null;
      }
    }
    finish(draft, blocks);
    return blocks;
  }

  /** Whether a line of any text, quoted or not, begins a function. */
  static boolean beginsFunction(String line) {
    return isHead(line) || isHead(withoutMargin(line));
  }

  private static String withoutMargin(String line) {
    return line.isEmpty() ? line : MARGIN.matcher(line).replaceFirst("");
  }

  private static boolean isHead(String line) {
    return line.length() > 8
        && Character.digit(line.charAt(0), 16) >= 0
        && HEAD.matcher(line.substring(0, Math.min(SEARCHED, line.length()))).matches();
  }

  private static void finish(@Nullable Draft draft, List<Block> blocks) {
    if (draft != null) {
      blocks.add(draft.block());
    }
  }

  /** A block that may go on. */
  private static final class Draft {
    private static final int LONGEST = 4096;

    private final int line;
    private final List<String> body = new ArrayList<>();
    private String head;
    private boolean paused;

    Draft(int line, String head) {
      this.line = line;
      this.head = head;
    }

    /** After an empty line only what is indented can still belong here. */
    void pause() {
      paused = true;
    }

    boolean accept(String text) {
      boolean indented = text.charAt(0) == '\t' || text.charAt(0) == ' ';
      String bare = text.strip();
      String start = bare.substring(0, Math.min(SEARCHED, bare.length()));
      if (paused && !indented) {
        return false;
      }
      boolean rest = REST.matcher(start).matches();
      if (!rest && (indented || KEY.matcher(start).matches() || DUMP.matcher(bare).matches())) {
        body.add(bare);
      } else {
        join(bare);
      }
      return true;
    }

    /** A line at the margin is the rest of the one before it, wrapped on its way here. */
    private void join(String rest) {
      String before = body.isEmpty() ? head : body.get(body.size() - 1);
      if (before.length() + rest.length() > LONGEST) {
        return;
      }
      String joined = before + " " + rest;
      if (body.isEmpty()) {
        head = joined;
      } else {
        body.set(body.size() - 1, joined);
      }
    }

    Block block() {
      return new Block(line, head, body);
    }
  }
}
