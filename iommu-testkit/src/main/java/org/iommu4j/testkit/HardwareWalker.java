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
    return new X86Walker(memory, root, levels, 0);
  }

  /**
   * Tables of x86-64 processors on a machine of AMD that encrypts its memory.
   *
   * @param memory where the tables lie
   * @param root physical address of the top table, with the encryption bit
   * @param levels 4 or 5 for 48 or 57 bits
   * @param encryptionBit the bit of a physical address that says: encrypted. All tables are, so an
   *     address of one without it is a fault; addresses of pages come with it
   * @return a walker
   */
  static HardwareWalker x86(PhysicalMemory memory, long root, int levels, long encryptionBit) {
    return new X86Walker(memory, root, levels, encryptionBit);
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
    return new AmdV1Walker(memory, root, mode, 0);
  }

  /**
   * Host tables of AMD, version 1, on a machine that encrypts its memory.
   *
   * @param memory where the tables lie
   * @param root physical address of the top table, as in the device table, with the encryption bit
   * @param mode the paging mode in the device table, 1 to 6
   * @param encryptionBit the bit of a physical address that says: encrypted. All tables are, so an
   *     address of one without it is a fault; addresses of pages come with it
   * @return a walker
   */
  static HardwareWalker amdV1(PhysicalMemory memory, long root, int mode, long encryptionBit) {
    return new AmdV1Walker(memory, root, mode, encryptionBit);
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
   * Second-stage tables of RISC-V, with Svnapot and Svpbmt.
   *
   * @param memory where the tables lie
   * @param root physical address of the top table, which has 16 KiB
   * @param levels 3, 4 or 5 for Sv39x4, Sv48x4 or Sv57x4
   * @return a walker
   */
  static HardwareWalker riscvSecondStage(PhysicalMemory memory, long root, int levels) {
    return new RiscvSecondStageWalker(memory, root, levels);
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
    return new ArmWalker(memory, root, granule, inputSize, ArmWalker.STAGE_1, 0);
  }

  /**
   * ARMv8 tables, stage 2.
   *
   * @param memory where the tables lie
   * @param root physical address of the start table, or of the first of several
   * @param granule the field TG0 of the control register: 0, 1, 2 for 4, 64, 16 KiB
   * @param inputSize its field T0SZ
   * @param startLevel its field SL0
   * @param outputSize its field PS; what the hardware's addresses have, too
   * @return a walker; all its walks are faults if the fields contradict each other
   */
  static HardwareWalker armStage2(
      PhysicalMemory memory,
      long root,
      int granule,
      int inputSize,
      int startLevel,
      int outputSize) {
    return new ArmWalker(memory, root, granule, inputSize, startLevel, outputSize);
  }
}
