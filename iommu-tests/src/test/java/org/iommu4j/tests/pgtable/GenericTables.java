package org.iommu4j.tests.pgtable;

import java.util.function.Supplier;
import org.iommu4j.pgtable.AmdV1;
import org.iommu4j.pgtable.PageTableConfig;
import org.iommu4j.pgtable.PageTableFeature;
import org.iommu4j.pgtable.PageTableFormat;
import org.iommu4j.pgtable.RiscvSv;
import org.iommu4j.pgtable.VtdSecondStage;
import org.iommu4j.pgtable.X86FirstStage;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.HardwareWalker;

/**
 * The configurations of PTG-030, and those that Linux does not test: hardware that does not snoop,
 * encrypted memory, and the second stage of RISC-V.
 */
@SuppressWarnings("ImmutableEnumChecker") // the suppliers hold nothing
enum GenericTables {
  AMD_GROWING(() -> AmdV1.of(PageTableConfig.of(64, 52, 2, PageTableFeature.DYNAMIC_TOP))),
  AMD_FULL(() -> AmdV1.of(PageTableConfig.of(64, 52, 5))),
  AMD_32(() -> AmdV1.of(PageTableConfig.of(32, 52, 2))),
  AMD_ENCRYPTED(
      () ->
          AmdV1.of(
              PageTableConfig.of(
                  64, 47, 2, PageTableFeature.DYNAMIC_TOP, PageTableFeature.ENCRYPT_TABLES),
              1L << 47),
      1L << 47),
  VTD_39(() -> VtdSecondStage.of(PageTableConfig.of(39, 52, 2))),
  VTD_48(() -> VtdSecondStage.of(PageTableConfig.of(48, 52, 3))),
  VTD_57(() -> VtdSecondStage.of(PageTableConfig.of(57, 52, 4))),
  VTD_48_NO_SNOOP(
      () -> VtdSecondStage.of(PageTableConfig.of(48, 52, 3, PageTableFeature.DMA_INCOHERENT))),
  X86_48(() -> X86FirstStage.of(PageTableConfig.of(48, 52, 3, PageTableFeature.SIGN_EXTEND))),
  X86_57(() -> X86FirstStage.of(PageTableConfig.of(57, 52, 4, PageTableFeature.SIGN_EXTEND))),
  X86_47(() -> X86FirstStage.of(PageTableConfig.of(47, 52, 3))),
  X86_56(() -> X86FirstStage.of(PageTableConfig.of(56, 52, 4))),
  X86_47_ENCRYPTED(
      () ->
          X86FirstStage.of(
              PageTableConfig.of(47, 51, 3, PageTableFeature.ENCRYPT_TABLES), 1L << 51),
      1L << 51),
  SV39(() -> riscv(39, PageTableFeature.SVNAPOT_64K)),
  SV48(() -> riscv(48, PageTableFeature.FLUSH_RANGE)),
  SV57(() -> riscv(57, PageTableFeature.SVNAPOT_64K)),
  SV39X4(() -> RiscvSv.secondStage(PageTableConfig.of(41, 56, 0, PageTableFeature.SVNAPOT_64K))),
  SV48X4(() -> RiscvSv.secondStage(PageTableConfig.of(50, 56, 0))),
  SV57X4(() -> RiscvSv.secondStage(PageTableConfig.of(59, 56, 0, PageTableFeature.SVNAPOT_64K)));

  private final Supplier<PageTableFormat> format;

  /** The bit of physical addresses that says: encrypted; 0 if there is none. */
  final long encryptionBit;

  GenericTables(Supplier<PageTableFormat> format) {
    this(format, 0);
  }

  GenericTables(Supplier<PageTableFormat> format, long encryptionBit) {
    this.format = format;
    this.encryptionBit = encryptionBit;
  }

  private static PageTableFormat riscv(int bits, PageTableFeature feature) {
    return RiscvSv.of(PageTableConfig.of(bits, 56, 0, PageTableFeature.SIGN_EXTEND, feature));
  }

  PageTableFormat format() {
    return format.get();
  }

  /** Whether addresses have a lower and an upper half. */
  boolean canonical() {
    return format().config().has(PageTableFeature.SIGN_EXTEND);
  }

  /** Whether a leaf that is written to can be read, too, whatever the protection says. */
  boolean writableIsReadable() {
    return name().startsWith("SV") || alwaysReadable();
  }

  boolean alwaysReadable() {
    return name().startsWith("X86");
  }

  /** The hardware that has been pointed to a top table. */
  HardwareWalker walker(PhysicalMemory memory, long root, int topLevel) {
    int levels = topLevel + 1;
    return switch (format().name()) {
      case "amdv1" ->
          encryptionBit == 0
              ? HardwareWalker.amdV1(memory, root, levels)
              : HardwareWalker.amdV1(memory, root | encryptionBit, levels, encryptionBit);
      case "vtdss" -> HardwareWalker.vtdSecondStage(memory, root, levels);
      case "x86_64" ->
          encryptionBit == 0
              ? HardwareWalker.x86(memory, root, levels)
              : HardwareWalker.x86(memory, root | encryptionBit, levels, encryptionBit);
      case "riscv64x4" -> HardwareWalker.riscvSecondStage(memory, root, levels);
      default -> HardwareWalker.riscv(memory, root, levels);
    };
  }
}
