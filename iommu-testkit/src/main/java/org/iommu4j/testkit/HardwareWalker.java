package org.iommu4j.testkit;

import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * A hardware's walk through page tables in physical memory, written from the hardware's public
 * specification and sharing no code with whatever wrote the tables. It is stricter than most
 * hardware: what the specification reserves is a fault.
 *
 * <p>A walker holds no state but what it was made with, sets no accessed or dirty mark, and may be
 * used while tables are written.
 */
@FunctionalInterface
public interface HardwareWalker {
  /**
   * Walks to an address.
   *
   * @param iova an input address
   * @return the page, or null if the hardware reports a fault
   */
  @Nullable WalkedPage walk(long iova);

  /**
   * Second-stage tables of Intel VT-d.
   *
   * @param memory where the tables lie
   * @param root physical address of the top table
   * @param levels 3, 4 or 5 for 39, 48 or 57 bits
   * @return a walker
   */
  static HardwareWalker vtdSecondStage(PhysicalMemory memory, long root, int levels) {
    return new VtdSecondStageWalker(memory, root, levels);
  }

  /**
   * Tables of x86-64 processors, for accesses by user code to canonical addresses.
   *
   * @param memory where the tables lie
   * @param root physical address of the top table
   * @param levels 4 or 5 for 48 or 57 bits
   * @return a walker
   */
  static HardwareWalker x86(PhysicalMemory memory, long root, int levels) {
    return new X86Walker(memory, root, levels);
  }

  /**
   * Host tables of AMD, version 1.
   *
   * @param memory where the tables lie
   * @param root physical address of the top table, as in the device table
   * @param mode the paging mode in the device table, 1 to 6
   * @return a walker
   */
  static HardwareWalker amdV1(PhysicalMemory memory, long root, int mode) {
    return new AmdV1Walker(memory, root, mode);
  }

  /**
   * Tables of RISC-V, with Svnapot and Svpbmt, for accesses by user code.
   *
   * @param memory where the tables lie
   * @param root physical address of the top table
   * @param levels 3, 4 or 5 for Sv39, Sv48 or Sv57
   * @return a walker
   */
  static HardwareWalker riscv(PhysicalMemory memory, long root, int levels) {
    return new RiscvWalker(memory, root, levels);
  }

  /**
   * ARMv8 tables, stage 1, for unprivileged accesses to the lower half.
   *
   * @param memory where the tables lie
   * @param root physical address of the start table
   * @param granule the field TG0 of the control register: 0, 1, 2 for 4, 64, 16 KiB
   * @param inputSize its field T0SZ
   * @return a walker
   */
  static HardwareWalker armStage1(PhysicalMemory memory, long root, int granule, int inputSize) {
    return new ArmWalker(memory, root, granule, inputSize, ArmWalker.STAGE_1);
  }

  /**
   * ARMv8 tables, stage 2.
   *
   * @param memory where the tables lie
   * @param root physical address of the start table, or of the first of several
   * @param granule the field TG0 of the control register: 0, 1, 2 for 4, 64, 16 KiB
   * @param inputSize its field T0SZ
   * @param startLevel its field SL0
   * @return a walker
   */
  static HardwareWalker armStage2(
      PhysicalMemory memory, long root, int granule, int inputSize, int startLevel) {
    return new ArmWalker(memory, root, granule, inputSize, startLevel);
  }
}
