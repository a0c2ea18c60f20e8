package org.iommu4j.pgtable;

import java.util.Set;

/**
 * What a driver asks of an ARM table.
 *
 * @param stage stage 1 or 2
 * @param inputBits width of input addresses, in bits
 * @param outputBits width of output addresses, in bits
 * @param pageSizes the sizes the hardware supports, one bit per size in bytes
 * @param coherentWalk whether the hardware snoops when it walks
 * @param quirks what else is asked for
 */
public record LpaeConfig(
    LpaeStage stage,
    int inputBits,
    int outputBits,
    long pageSizes,
    boolean coherentWalk,
    Set<LpaeQuirk> quirks) {
  /**
   * Copies the set.
   *
   * @param stage stage 1 or 2
   * @param inputBits width of input addresses
   * @param outputBits width of output addresses
   * @param pageSizes one bit per size
   * @param coherentWalk whether walks snoop
   * @param quirks is copied
   */
  public LpaeConfig {
    quirks = Set.copyOf(quirks);
  }

  /**
   * Whether a quirk is asked for.
   *
   * @param quirk a quirk
   * @return true if it is in the set
   */
  public boolean has(LpaeQuirk quirk) {
    return quirks.contains(quirk);
  }
}
