package org.iommu4j.cli.vectors;

import java.util.EnumSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.iommu4j.pgtable.LpaeQuirk;
import org.iommu4j.pgtable.LpaeStage;

/**
 * The quirks a case was recorded with. No line of a case names them, but each leaves marks that
 * nothing else leaves: one such mark is enough, and then every word must be as the quirk wants it.
 */
final class ArmQuirks {
  private static final Pattern FIELD = Pattern.compile("\\b(tg|orgn|irgn)=([0-9]+)");
  private static final Pattern WORD = Pattern.compile("w \\S+ \\S+ \\S+ ([0-9a-f]{16})( T\\S+)?");
  private static final int RADIX = 16;

  private static final long NON_SECURE = 1L << 5;
  private static final long NON_SECURE_TABLE = 1L << 63;
  private static final long DIRTY_MODIFIER = 1L << 51;
  private static final int ATTRIBUTES_SHIFT = 2;
  private static final long ATTRIBUTES = 15;
  private static final long FORCED_WRITE_BACK = 6;

  private final LpaeStage stage;
  private final long pageSizes;
  private final Set<LpaeQuirk> found = EnumSet.noneOf(LpaeQuirk.class);

  private ArmQuirks(LpaeStage stage, long pageSizes) {
    this.stage = stage;
    this.pageSizes = pageSizes;
  }

  /**
   * Looks for marks in the lines of a case.
   *
   * @param recorded a case of an ARM format
   * @param stage its stage
   * @param pageSizes all sizes of its granule
   * @return the quirks that left any
   */
  static Set<LpaeQuirk> of(VectorCase recorded, LpaeStage stage, long pageSizes) {
    var quirks = new ArmQuirks(stage, pageSizes);
    for (VectorStep step : recorded.steps()) {
      if (step.op() instanceof VectorOp.Hardware) {
        quirks.lookAtRegisters(step.recorded().get(0));
      } else if (step.op() instanceof VectorOp.Dump) {
        step.recorded().forEach(quirks::lookAtWord);
      }
    }
    return quirks.found;
  }

  private void lookAtRegisters(String line) {
    if (stage == LpaeStage.STAGE_2) {
      return;
    }
    if (field(line, "tg") == upperGranule()) {
      found.add(LpaeQuirk.UPPER_HALF);
    }
    if (field(line, "orgn") == 1 && field(line, "irgn") == 0) {
      found.add(LpaeQuirk.OUTER_WRITE_BACK);
    }
  }

  private static int field(String line, String name) {
    Matcher matcher = FIELD.matcher(line);
    while (matcher.find()) {
      if (name.equals(matcher.group(1))) {
        return Integer.parseInt(matcher.group(2));
      }
    }
    return -1;
  }

  /** How the register of the upper half writes the granule: unlike that of the lower half. */
  private int upperGranule() {
    return switch (Long.numberOfTrailingZeros(pageSizes)) {
      case 12 -> 2;
      case 14 -> 1;
      default -> 3;
    };
  }

  private void lookAtWord(String line) {
    Matcher matcher = WORD.matcher(line);
    if (!matcher.matches()) {
      return; // the line that begins the dump
    }
    long word = Long.parseUnsignedLong(matcher.group(1), RADIX);
    boolean table = matcher.group(2) != null;
    if (stage == LpaeStage.STAGE_2) {
      if (!table && (word >>> ATTRIBUTES_SHIFT & ATTRIBUTES) == FORCED_WRITE_BACK) {
        found.add(LpaeQuirk.FORCED_WRITE_BACK);
      }
      return;
    }
    if ((word & (table ? NON_SECURE_TABLE : NON_SECURE)) != 0) {
      found.add(LpaeQuirk.NON_SECURE);
    }
    if (!table && (word & DIRTY_MODIFIER) != 0) {
      found.add(LpaeQuirk.HARDWARE_DIRTY);
    }
  }
}
