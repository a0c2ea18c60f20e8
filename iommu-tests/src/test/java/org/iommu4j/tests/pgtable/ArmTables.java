package org.iommu4j.tests.pgtable;

import java.util.Set;
import org.iommu4j.pgtable.LpaeConfig;
import org.iommu4j.pgtable.LpaePageTable;
import org.iommu4j.pgtable.LpaeRegisters;
import org.iommu4j.pgtable.LpaeStage;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;

/** Both stages with all granules, start tables small, full and side by side. */
enum ArmTables {
  S1_4K_32(LpaeStage.STAGE_1, 12, 32, 40),
  S1_4K_39(LpaeStage.STAGE_1, 12, 39, 48),
  S1_4K_48(LpaeStage.STAGE_1, 12, 48, 48),
  S1_16K_47(LpaeStage.STAGE_1, 14, 47, 44),
  S1_16K_36(LpaeStage.STAGE_1, 14, 36, 40),
  S1_16K_48(LpaeStage.STAGE_1, 14, 48, 48),
  S1_64K_42(LpaeStage.STAGE_1, 16, 42, 42),
  S1_64K_48(LpaeStage.STAGE_1, 16, 48, 48),
  S1_64K_52(LpaeStage.STAGE_1, 16, 52, 52),
  S2_4K_40_CONCATENATED(LpaeStage.STAGE_2, 12, 40, 40),
  S2_4K_42_CONCATENATED(LpaeStage.STAGE_2, 12, 42, 42),
  S2_4K_32(LpaeStage.STAGE_2, 12, 32, 40),
  S2_4K_44(LpaeStage.STAGE_2, 12, 44, 44),
  S2_4K_48(LpaeStage.STAGE_2, 12, 48, 48),
  S2_16K_36(LpaeStage.STAGE_2, 14, 36, 36),
  S2_16K_40_CONCATENATED(LpaeStage.STAGE_2, 14, 40, 40),
  S2_16K_48_CONCATENATED(LpaeStage.STAGE_2, 14, 48, 48),
  S2_64K_42(LpaeStage.STAGE_2, 16, 42, 42),
  S2_64K_48(LpaeStage.STAGE_2, 16, 48, 48),
  S2_64K_52(LpaeStage.STAGE_2, 16, 52, 52);

  final LpaeStage stage;
  final int granuleLg2;
  final int inputBits;
  final int outputBits;

  ArmTables(LpaeStage stage, int granuleLg2, int inputBits, int outputBits) {
    this.stage = stage;
    this.granuleLg2 = granuleLg2;
    this.inputBits = inputBits;
    this.outputBits = outputBits;
  }

  LpaeConfig config() {
    long sizes =
        switch (granuleLg2) {
          case 12 -> 1L << 12 | 1L << 21 | 1L << 30;
          case 14 -> 1L << 14 | 1L << 25;
          default -> 1L << 16 | 1L << 29 | 1L << 42;
        };
    return new LpaeConfig(stage, inputBits, outputBits, sizes, true, Set.of());
  }

  /** The hardware, told what a driver tells it. */
  HardwareWalker walker(PhysicalMemory memory, LpaePageTable table) {
    LpaeRegisters r = table.registers();
    return stage == LpaeStage.STAGE_1
        ? HardwareWalker.armStage1(memory, table.root(), r.granule(), r.inputSize())
        : HardwareWalker.armStage2(
            memory, table.root(), r.granule(), r.inputSize(), r.startLevel(), r.size());
  }
}
