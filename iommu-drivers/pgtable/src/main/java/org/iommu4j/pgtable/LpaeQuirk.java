package org.iommu4j.pgtable;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;

/** What a driver can ask of an ARM table besides its widths: the first four of stage 1 only. */
@Mirrors("io_pgtable_cfg.quirks")
public enum LpaeQuirk {
  /** Outputs of stage 1 are in the non-secure space. */
  @Mirrors("IO_PGTABLE_QUIRK_ARM_NS")
  NON_SECURE,
  /** The hardware manages dirty marks of stage 1 (PTL-006). */
  @Mirrors("IO_PGTABLE_QUIRK_ARM_HD")
  HARDWARE_DIRTY,
  /** Input addresses are those of the upper half. */
  @Mirrors("IO_PGTABLE_QUIRK_ARM_TTBR1")
  UPPER_HALF,
  /** Walks that are not coherent allocate in the outer cache. */
  @Mirrors("IO_PGTABLE_QUIRK_ARM_OUTER_WBWA")
  OUTER_WRITE_BACK,
  /** Stage 2 forces write-back over what stage 1 says (PTL-007). */
  @Mirrors("IO_PGTABLE_QUIRK_ARM_S2FWB")
  FORCED_WRITE_BACK;

  /** Refuses what the stage does not have, and outer caching beyond that of a coherent walk. */
  static void check(LpaeConfig config) {
    for (LpaeQuirk quirk : config.quirks()) {
      boolean ofStage2 = quirk == FORCED_WRITE_BACK;
      boolean done = quirk == OUTER_WRITE_BACK && config.coherentWalk();
      if (done || ofStage2 != (config.stage() == LpaeStage.STAGE_2)) {
        throw new IommuException(
            Errno.EINVAL,
            String.format(
                "no ARM tables of %s with %s%s",
                config.stage(), quirk, config.coherentWalk() ? " and coherent walks" : ""));
      }
    }
  }
}
