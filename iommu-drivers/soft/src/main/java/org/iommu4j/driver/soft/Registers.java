package org.iommu4j.driver.soft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.Mmio;

/**
 * The registers of one SoftIOMMU (HARDWARE.md, sections 2, 3 and 7). Thread-safe.
 *
 * <p>There is one set of command registers, so commands take turns: its lock is the innermost one
 * of the driver. A command is complete when its method returns.
 */
final class Registers {
  static final long CAPABILITY = 0x00;
  static final long CONTROL = 0x08;
  static final long DEVICE_TABLE = 0x10;
  static final long STATUS = 0x18;
  static final long FIRST = 0x20;
  static final long LAST = 0x28;
  static final long COMMAND = 0x30;
  static final long FAULT_INFO = 0x38;
  static final long FAULT_ADDRESS = 0x40;

  // CAPABILITY
  //  63         33 32    31         24 23            16 15         8 7       0
  //  reserved      dirty log2(PASIDs)  physical bits    input bits   version
  private static final int VERSION = 1;
  private static final int PASID_SHIFT = 24;
  private static final int MAX_PASID_BITS = 8;
  private static final long CAPABILITY_DIRTY = 1L << 32;

  // CONTROL
  //  1            0
  //  fault irq    enable
  static final long CONTROL_ENABLE = 1;
  static final long CONTROL_FAULT_IRQ = 2;

  // STATUS
  //  3         2        1          0
  //  OVERFLOW  FAULT    REJECTED   BUSY
  static final long STATUS_BUSY = 1;
  static final long STATUS_REJECTED = 2;
  static final long STATUS_OVERFLOW = 8;

  // COMMAND
  //  63      32 31     8 7       4 3      0
  //  reserved   operand  reserved  opcode
  static final int INVALIDATE_RANGE = 1;
  static final int INVALIDATE_DOMAIN = 2;
  static final int INVALIDATE_DEVICE = 3;
  private static final int OPERAND_SHIFT = 8;

  /**
   * How often STATUS is read before the hardware counts as dead. A count and not a time: this
   * library reads no clock.
   */
  private static final int PATIENCE = 1 << 20;

  private final Mmio mmio;
  private final long capability;

  Registers(Mmio mmio) {
    this.mmio = mmio;
    this.capability = mmio.read64(CAPABILITY);
    if ((capability & 0xff) != VERSION) {
      throw new IommuException(
          Errno.ENODEV, String.format("no SoftIOMMU version 1: capability 0x%x", capability));
    }
  }

  /** How many PASIDs there are, 0 without support; a PASID table is one page. */
  int pasids() {
    int bits = (int) (capability >>> PASID_SHIFT) & 0xff;
    return bits == 0 ? 0 : 1 << Math.min(bits, MAX_PASID_BITS);
  }

  boolean tracksDirtyPages() {
    return (capability & CAPABILITY_DIRTY) != 0;
  }

  /** Names the top device table, which also empties all caches, and lets DMA through. */
  void start(long deviceTable) {
    mmio.write64(DEVICE_TABLE, deviceTable);
    mmio.write64(CONTROL, CONTROL_ENABLE | CONTROL_FAULT_IRQ);
  }

  /** Makes the hardware forget translations of [first, last], inclusive. */
  synchronized void invalidateRange(int domainId, long first, long last) {
    mmio.write64(FIRST, first);
    mmio.write64(LAST, last);
    execute(INVALIDATE_RANGE, domainId);
  }

  /** Makes the hardware forget all translations of a domain. */
  synchronized void invalidateDomain(int domainId) {
    execute(INVALIDATE_DOMAIN, domainId);
  }

  /** Makes the hardware read the entries of a device again. */
  synchronized void invalidateDevice(int streamId) {
    execute(INVALIDATE_DEVICE, streamId);
  }

  @GuardedBy("this")
  private void execute(int opcode, int operand) {
    mmio.write64(COMMAND, (long) operand << OPERAND_SHIFT | opcode);
    long status = mmio.read64(STATUS);
    for (int polls = 0; (status & STATUS_BUSY) != 0; polls++) {
      if (polls == PATIENCE) {
        throw new IommuException(
            Errno.ETIMEDOUT,
            String.format("command 0x%x with operand 0x%x does not end", opcode, operand));
      }
      status = mmio.read64(STATUS);
    }
    if ((status & STATUS_REJECTED) != 0) {
      throw new IommuException(
          Errno.EIO, String.format("command 0x%x with operand 0x%x rejected", opcode, operand));
    }
  }

  /** The oldest fault record, or 0. */
  long faultInfo() {
    return mmio.read64(FAULT_INFO);
  }

  /** The address of the oldest fault record. */
  long faultAddress() {
    return mmio.read64(FAULT_ADDRESS);
  }

  /** Removes the oldest fault record. */
  void dropFault() {
    mmio.write64(FAULT_INFO, 0);
  }

  /** Whether fault records were lost since the last call. */
  boolean takeOverflow() {
    boolean overflow = (mmio.read64(STATUS) & STATUS_OVERFLOW) != 0;
    if (overflow) {
      mmio.write64(STATUS, STATUS_OVERFLOW);
    }
    return overflow;
  }
}
