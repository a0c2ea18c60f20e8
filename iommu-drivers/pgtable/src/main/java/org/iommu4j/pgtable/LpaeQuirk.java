package org.iommu4j.pgtable;

import org.iommu4j.api.Mirrors;

/** What a driver can ask of an ARM table besides its widths. */
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
  FORCED_WRITE_BACK
}
