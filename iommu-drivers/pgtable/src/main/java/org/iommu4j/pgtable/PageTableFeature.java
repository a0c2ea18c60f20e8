package org.iommu4j.pgtable;

import org.iommu4j.api.Mirrors;

/** What a generic page table can be asked for besides its format; a format knows some of them. */
@Mirrors("pt_features")
public enum PageTableFeature {
  /** The hardware does not snoop: every changed run of entries is written back (PTG-016). */
  @Mirrors("PT_FEAT_DMA_INCOHERENT")
  DMA_INCOHERENT,
  /** All 64 bits of an input address are translated. */
  @Mirrors("PT_FEAT_FULL_VA")
  FULL_VA,
  /** The table begins small and gets more levels when addresses need them (PTG-023). */
  @Mirrors("PT_FEAT_DYNAMIC_TOP")
  DYNAMIC_TOP,
  /** Input addresses are canonical: a lower and an upper half (PTG-024). */
  @Mirrors("PT_FEAT_SIGN_EXTEND")
  SIGN_EXTEND,
  /** One invalidation may cover a range with gaps. */
  @Mirrors("PT_FEAT_FLUSH_RANGE")
  FLUSH_RANGE,
  /** An invalidation covers one range without gaps (PTG-021). */
  @Mirrors("PT_FEAT_FLUSH_RANGE_NO_GAPS")
  FLUSH_RANGE_NO_GAPS,
  /** Gathers also record the levels something was removed from (PTG-022). */
  @Mirrors("PT_FEAT_DETAILED_GATHER")
  DETAILED_GATHER,
  /** AMD: tables lie in encrypted memory (PTX-006, PTA-008). */
  @Mirrors({"PT_FEAT_AMDV1_ENCRYPT_TABLES", "PT_FEAT_X86_64_AMD_ENCRYPT_TABLES"})
  ENCRYPT_TABLES,
  /** Every leaf forces snooping (PTV-005, PTA-008). */
  @Mirrors({"PT_FEAT_AMDV1_FORCE_COHERENCE", "PT_FEAT_VTDSS_FORCE_COHERENCE"})
  FORCE_COHERENCE,
  /** Leaves without write permission are refused (PTV-005). */
  @Mirrors("PT_FEAT_VTDSS_FORCE_WRITEABLE")
  FORCE_WRITEABLE,
  /** RISC-V: leaves of 64 KiB (PTR-005). */
  @Mirrors("PT_FEAT_RISCV_SVNAPOT_64K")
  SVNAPOT_64K,
  /** RISC-V: memory types in leaves (PTR-004). */
  @Mirrors("PT_FEAT_RISCV_SVPBMT")
  SVPBMT
}
