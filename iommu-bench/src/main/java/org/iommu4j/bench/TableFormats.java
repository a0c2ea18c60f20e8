package org.iommu4j.bench;

import org.iommu4j.pgtable.AmdV1;
import org.iommu4j.pgtable.PageTableConfig;
import org.iommu4j.pgtable.PageTableFeature;
import org.iommu4j.pgtable.PageTableFormat;
import org.iommu4j.pgtable.RiscvSv;
import org.iommu4j.pgtable.VtdSecondStage;
import org.iommu4j.pgtable.X86FirstStage;

/** The configurations of the scenarios, as drivers use them. */
final class TableFormats {
  private TableFormats() {}

  static PageTableFormat of(String name) {
    return switch (name) {
      case "amdv1" ->
          AmdV1.of(
              PageTableConfig.of(
                  64,
                  52,
                  2,
                  PageTableFeature.DYNAMIC_TOP,
                  PageTableFeature.ENCRYPT_TABLES,
                  PageTableFeature.FORCE_COHERENCE,
                  PageTableFeature.FLUSH_RANGE));
      case "vtdss" ->
          VtdSecondStage.of(PageTableConfig.of(48, 52, 3, PageTableFeature.FLUSH_RANGE));
      case "x86_64" ->
          X86FirstStage.of(
              PageTableConfig.of(
                  48, 52, 3, PageTableFeature.SIGN_EXTEND, PageTableFeature.FLUSH_RANGE));
      case "riscv64" ->
          RiscvSv.of(
              PageTableConfig.of(
                  48,
                  56,
                  3,
                  PageTableFeature.SIGN_EXTEND,
                  PageTableFeature.FLUSH_RANGE,
                  PageTableFeature.SVNAPOT_64K));
      default -> throw new IllegalArgumentException(name);
    };
  }
}
