package org.iommu4j.driver.soft;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Empties the hardware's fault queue into the log, when its interrupt fires.
 *
 * <pre>
 *  63      62      61       60 59     56 55           44 43         24 23            0
 *  valid   write   reserved    reason    reserved        PASID         stream id
 * </pre>
 */
final class FaultLog {
  private static final Logger LOG = LoggerFactory.getLogger(FaultLog.class);

  private static final long WRITE = 1L << 62;
  private static final int REASON_SHIFT = 56;
  private static final int PASID_SHIFT = 24;

  /** Indexed by the reason's number (HARDWARE.md, section 7). */
  private static final String[] REASONS = {
    "no reason",
    "translation disabled",
    "unknown device",
    "blocked",
    "malformed device entry",
    "no such PASID",
    "address beyond 48 bits",
    "not mapped",
    "not permitted",
    "malformed page-table entry",
    "read of the interrupt window",
    "no memory",
  };

  private final String name;
  private final Registers registers;

  FaultLog(String name, Registers registers) {
    this.name = name;
    this.registers = registers;
  }

  /** Handles the interrupt. Two at a time would tear records apart. */
  synchronized void drain() {
    for (long info = registers.faultInfo(); info != 0; info = registers.faultInfo()) {
      long address = registers.faultAddress();
      registers.dropFault();
      LOG.warn("{}: {}", name, describe(info, address));
    }
    if (registers.takeOverflow()) {
      LOG.warn("{}: fault records were lost", name);
    }
  }

  static String describe(long info, long address) {
    int reason = (int) (info >>> REASON_SHIFT) & 0xf;
    return String.format(
        "%s of 0x%x by stream 0x%x, PASID 0x%x refused: %s",
        (info & WRITE) == 0 ? "read" : "write",
        address,
        info & 0xffffff,
        (info >>> PASID_SHIFT) & 0xfffff,
        reason < REASONS.length ? REASONS[reason] : "reason " + reason);
  }
}
