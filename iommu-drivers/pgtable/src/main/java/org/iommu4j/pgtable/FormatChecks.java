package org.iommu4j.pgtable;

import static org.iommu4j.pgtable.PageTableFeature.DYNAMIC_TOP;
import static org.iommu4j.pgtable.PageTableFeature.FULL_VA;
import static org.iommu4j.pgtable.PageTableFeature.SIGN_EXTEND;

import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** What every format checks of its configuration (PTG-026). */
final class FormatChecks {
  private static final int ADDRESS_BITS = 64;

  private FormatChecks() {}

  /** Refuses widths the format cannot have and features that are not compiled in. */
  static void widthsAndFeatures(
      String name,
      PageTableConfig config,
      int maxInputBits,
      int maxOutputBits,
      Set<PageTableFeature> known) {
    width(name, "input", config.inputBits(), maxInputBits);
    width(name, "output", config.outputBits(), maxOutputBits);
    for (PageTableFeature feature : config.features()) {
      if (!known.contains(feature)) {
        throw new IommuException(
            Errno.EOPNOTSUPP, String.format("%s tables do not have %s", name, feature));
      }
    }
  }

  private static void width(String name, String what, int bits, int max) {
    if (bits <= 0 || bits > max) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "%s tables have no %s addresses of %d bits (1..%d)", name, what, bits, max));
    }
  }

  /** Refuses a top level with the errno the format has for it. */
  static void topLevel(String name, int level, int least, int most, Errno errno) {
    if (level < least || level > most) {
      throw new IommuException(
          errno,
          String.format("%s tables have no top level %d (%d..%d)", name, level, least, most));
    }
  }

  /**
   * The bit that all entries carry on a machine with memory encryption; 0 without the feature. An
   * output address that reached it could not be told from one in encrypted memory.
   */
  static long encrypted(String name, PageTableConfig config, long mask, long addressBits) {
    boolean above = Long.numberOfTrailingZeros(mask) >= config.outputBits();
    if (mask != 0 && (Long.bitCount(mask) != 1 || (mask & ~addressBits) != 0 || !above)) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "%s tables for output addresses of %d bits cannot mark encrypted memory by 0x%x",
              name, config.outputBits(), mask));
    }
    return config.has(PageTableFeature.ENCRYPT_TABLES) ? mask : 0;
  }

  /** Refuses what does not go together, and a fixed top that is too small for the width. */
  static void complete(PageTableFormat format) {
    PageTableConfig config = format.config();
    if (config.has(SIGN_EXTEND) && (config.has(FULL_VA) || config.has(DYNAMIC_TOP))) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("%s: sign extension with %s", format.name(), config.features()));
    }
    int top = format.topLevel();
    int reach = format.itemLg2(top) + format.indexBits(top);
    if (!config.has(DYNAMIC_TOP) && config.inputBits() > reach) {
      throw new IommuException(
          Errno.EOPNOTSUPP,
          String.format(
              "%s: a top table of level %d does not reach %d bits",
              format.name(), top, config.inputBits()));
    }
  }

  /** The features in force: a full width is always one. */
  static PageTableConfig inForce(PageTableConfig config, PageTableFeature... added) {
    Set<PageTableFeature> features = EnumSet.noneOf(PageTableFeature.class);
    features.addAll(config.features());
    features.addAll(Set.of(added));
    if (config.inputBits() == ADDRESS_BITS) {
      features.add(FULL_VA);
    }
    return new PageTableConfig(
        config.inputBits(), config.outputBits(), config.topLevel(), features, config.debug());
  }
}
