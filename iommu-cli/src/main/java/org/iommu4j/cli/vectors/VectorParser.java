package org.iommu4j.cli.vectors;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads the cases of one file. */
final class VectorParser {
  private static final String HEX = "0x[0-9a-f]{1,16}";
  private static final String NUM = "[0-9]{1,6}";
  private static final String ERR = "-[0-9]{1,4}";
  private static final String TABLE = "T[0-9]{1,9}";

  private static final Pattern CASE = Pattern.compile("case (\\S+)");
  private static final Pattern CFG =
      Pattern.compile(
          "cfg fmt=(\\S+) features=("
              + HEX
              + ") vasz=("
              + NUM
              + ") oasz=("
              + NUM
              + ") top=("
              + NUM
              + ")");
  private static final Pattern INIT = Pattern.compile("init " + ERR);
  private static final Pattern SIZES = Pattern.compile("pgsize_bitmap (" + HEX + ")");
  private static final Pattern APERTURE = Pattern.compile("aperture " + HEX + " " + HEX);
  private static final Pattern HW = Pattern.compile("hw \\S.*");
  private static final Pattern MAP =
      Pattern.compile(
          "op map ("
              + HEX
              + ") ("
              + HEX
              + ") ("
              + HEX
              + ") ("
              + HEX
              + ") -> (?:0|"
              + ERR
              + ") "
              + HEX);
  private static final Pattern UNMAP =
      Pattern.compile(
          "op unmap ("
              + HEX
              + ") ("
              + HEX
              + ") -> "
              + HEX
              + " gather="
              + HEX
              + "\\.\\."
              + HEX
              + " leaf="
              + HEX
              + " table="
              + HEX
              + " free=(?:-|"
              + TABLE
              + "(?:,"
              + TABLE
              + ")*)");
  private static final Pattern TRANSLATE =
      Pattern.compile("op iova_to_phys (" + HEX + ") -> " + HEX);
  private static final Pattern DUMP = Pattern.compile("dump top level=[0-9] " + TABLE);
  private static final Pattern WORD =
      Pattern.compile(
          "w [0-9] (?:-|" + NUM + "(?:/" + NUM + ")*) " + NUM + " [0-9a-f]{16}(?: " + TABLE + ")?");

  private static final int RADIX = 16;

  private final Path file;
  private final List<String> lines;
  private int at;

  private VectorParser(Path file, List<String> lines) {
    this.file = file;
    this.lines = lines;
  }

  /** All cases, in order; there is at least one. */
  static List<VectorCase> read(Path file) throws IOException, VectorException {
    List<String> lines;
    try {
      lines = Files.readAllLines(file, StandardCharsets.UTF_8);
    } catch (CharacterCodingException e) {
      throw new VectorException(file, 1, "is not text");
    }
    var parser = new VectorParser(file, lines.stream().map(String::strip).toList());
    List<VectorCase> cases = new ArrayList<>();
    while (parser.skipToText()) {
      cases.add(parser.readCase());
    }
    if (cases.isEmpty()) {
      throw parser.problem("there is no case in it");
    }
    return cases;
  }

  /** Skips empty lines and comments; false at the end of the file. */
  private boolean skipToText() {
    while (at < lines.size() && (lines.get(at).isEmpty() || lines.get(at).startsWith("#"))) {
      at++;
    }
    return at < lines.size();
  }

  private VectorCase readCase() throws VectorException {
    int first = at + 1;
    String name = match(CASE, "case NAME").group(1);
    Matcher cfg = match(CFG, "cfg fmt=F features=0xHEX vasz=N oasz=N top=N");
    var setup =
        new VectorSetup(cfg.group(1), hex(cfg, 2), number(cfg, 3), number(cfg, 4), number(cfg, 5));
    List<VectorStep> steps = new ArrayList<>();
    while (skipToText() && !next().equals("end")) {
      steps.add(readStep());
    }
    next();
    at++;
    return new VectorCase(file, first, name, setup, steps);
  }

  private VectorStep readStep() throws VectorException {
    String line = next();
    VectorOp op = op(line);
    if (op == null) {
      throw problem("not understood: " + line);
    }
    at++;
    List<String> recorded = new ArrayList<>(List.of(line));
    while (op instanceof VectorOp.Dump && WORD.matcher(next()).matches()) {
      recorded.add(next());
      at++;
    }
    return new VectorStep(op, List.copyOf(recorded));
  }

  private static @Nullable VectorOp op(String line) {
    Matcher m = MAP.matcher(line);
    if (m.matches()) {
      return new VectorOp.Map(hex(m, 1), hex(m, 2), hex(m, 3), (int) hex(m, 4));
    }
    m = UNMAP.matcher(line);
    if (m.matches()) {
      return new VectorOp.Unmap(hex(m, 1), hex(m, 2));
    }
    m = TRANSLATE.matcher(line);
    if (m.matches()) {
      return new VectorOp.Translate(hex(m, 1));
    }
    m = SIZES.matcher(line);
    if (m.matches()) {
      return new VectorOp.PageSizes(hex(m, 1));
    }
    if (DUMP.matcher(line).matches()) {
      return new VectorOp.Dump();
    }
    if (APERTURE.matcher(line).matches()) {
      return new VectorOp.Aperture();
    }
    if (HW.matcher(line).matches()) {
      return new VectorOp.Hardware();
    }
    return INIT.matcher(line).matches() ? new VectorOp.InitFailed() : null;
  }

  private Matcher match(Pattern pattern, String form) throws VectorException {
    String line = next();
    Matcher matcher = pattern.matcher(line);
    if (!matcher.matches()) {
      throw problem("\"" + form + "\" is expected, not: " + line);
    }
    at++;
    return matcher;
  }

  private String next() throws VectorException {
    if (at >= lines.size()) {
      throw problem("the file ends within a case");
    }
    return lines.get(at);
  }

  private VectorException problem(String text) {
    return new VectorException(file, Math.min(at, lines.size()) + 1, text);
  }

  private static long hex(Matcher matcher, int group) {
    return Long.parseUnsignedLong(text(matcher, group).substring(2), RADIX);
  }

  private static int number(Matcher matcher, int group) {
    return Integer.parseInt(text(matcher, group));
  }

  private static String text(Matcher matcher, int group) {
    return Objects.requireNonNull(matcher.group(group));
  }
}
