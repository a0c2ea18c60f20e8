package org.iommu4j.pgtable;

import java.util.List;
import java.util.Set;

/**
 * What a driver asks of a generic page table.
 *
 * @param inputBits width of input addresses, in bits
 * @param outputBits width of output addresses, in bits
 * @param topLevel the level of the first top table, counted from 0 for the level of the smallest
 *     pages; formats whose widths decide it do not look at it
 * @param features what is switched on
 * @param debug whether all features that are written exist, not only those Linux compiles in
 *     (PTR-006)
 */
public record PageTableConfig(
    int inputBits, int outputBits, int topLevel, Set<PageTableFeature> features, boolean debug) {
  /**
   * Copies the set.
   *
   * @param inputBits width of input addresses
   * @param outputBits width of output addresses
   * @param topLevel the first top level
   * @param features is copied
   * @param debug whether all features exist
   */
  public PageTableConfig {
    features = Set.copyOf(features);
  }

  /**
   * A configuration without debug features.
   *
   * @param inputBits width of input addresses, in bits
   * @param outputBits width of output addresses, in bits
   * @param topLevel the level of the first top table
   * @param features what is switched on
   * @return the configuration
   */
  public static PageTableConfig of(
      int inputBits, int outputBits, int topLevel, PageTableFeature... features) {
    return new PageTableConfig(
        inputBits, outputBits, topLevel, Set.copyOf(List.of(features)), false);
  }

  /**
   * Whether a feature is switched on.
   *
   * @param feature a feature
   * @return true if it is in the set
   */
  public boolean has(PageTableFeature feature) {
    return features.contains(feature);
  }
}
