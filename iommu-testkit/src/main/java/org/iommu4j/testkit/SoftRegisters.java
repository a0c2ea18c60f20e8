package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.Deque;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.Mmio;

/**
 * The registers of the SoftIOMMU model (HARDWARE.md, sections 2, 3 and 7). Thread-safe; its lock is
 * outside the translator's.
 *
 * <p>Strict: an access that the hardware does not define is refused with EINVAL, since a driver
 * that makes one is wrong.
 */
final class SoftRegisters implements Mmio {
  private static final int CAPABILITY = 0x00;
  private static final int CONTROL = 0x08;
  private static final int DEVICE_TABLE = 0x10;
  private static final int STATUS = 0x18;
  private static final int FIRST = 0x20;
  private static final int LAST = 0x28;
  private static final int COMMAND = 0x30;
  private static final int FAULT_INFO = 0x38;
  private static final int FAULT_ADDRESS = 0x40;

  private static final int QUEUE_LENGTH = 16;
  private static final long PAGE = 0x0000_ffff_ffff_f000L;

  private final SoftTranslator translator;
  private final long capability;
  private final int statusReads;

  @GuardedBy("this")
  private long control;

  @GuardedBy("this")
  private long deviceTable;

  @GuardedBy("this")
  private long first;

  @GuardedBy("this")
  private long last;

  @GuardedBy("this")
  private long command;

  /** How many reads of STATUS still say BUSY. */
  @GuardedBy("this")
  private int busy;

  @GuardedBy("this")
  private boolean rejected;

  @GuardedBy("this")
  private boolean overflow;

  @GuardedBy("this")
  private final Deque<FaultRecord> queue = new ArrayDeque<>();

  /**
   * Creates the registers after reset.
   *
   * @param statusReads how many reads of STATUS a command takes; it is executed at the last one, or
   *     at once if it is 0
   */
  SoftRegisters(SoftTranslator translator, int pasidBits, boolean dirty, int statusReads) {
    this.translator = translator;
    this.statusReads = statusReads;
    //  63         33 32    31         24 23            16 15         8 7       0
    //  reserved      dirty log2(PASIDs)  physical bits    input bits   version
    this.capability = (dirty ? 1L << 32 : 0) | (long) pasidBits << 24 | 48 << 16 | 48 << 8 | 1;
  }

  @Override
  public synchronized long read64(long offset) {
    return switch (register(offset, "read")) {
      case CAPABILITY -> capability;
      case CONTROL -> control;
      case DEVICE_TABLE -> deviceTable;
      case STATUS -> status();
      case FIRST -> first;
      case LAST -> last;
      case FAULT_INFO -> queue.isEmpty() ? 0 : info(queue.element());
      case FAULT_ADDRESS -> queue.isEmpty() ? 0 : queue.element().iova();
      default -> throw undefined("read", offset);
    };
  }

  @Override
  public synchronized void write64(long offset, long value) {
    switch (register(offset, "write")) {
      case CONTROL -> {
        control = value & 3;
        translator.enable((value & 1) != 0);
      }
      case DEVICE_TABLE -> {
        deviceTable = value & PAGE;
        translator.useDeviceTable(deviceTable);
      }
      case STATUS -> overflow &= (value & 8) == 0;
      case FIRST -> first = value;
      case LAST -> last = value;
      case COMMAND -> start(value);
      case FAULT_INFO -> queue.poll();
      default -> throw undefined("write", offset);
    }
  }

  @Override
  public int read32(long offset) {
    throw undefined("read 32 bits of", offset);
  }

  @Override
  public void write32(long offset, int value) {
    throw undefined("write 32 bits of", offset);
  }

  private static int register(long offset, String operation) {
    if (offset < 0 || offset > FAULT_ADDRESS) {
      throw undefined(operation, offset);
    }
    return (int) offset;
  }

  private static IommuException undefined(String operation, long offset) {
    return new IommuException(
        Errno.EINVAL, String.format("cannot %s register 0x%x of a SoftIOMMU", operation, offset));
  }

  /**
   *
   *
   * <pre>
   *  3         2        1          0
   *  OVERFLOW  FAULT    REJECTED   BUSY
   * </pre>
   */
  @GuardedBy("this")
  private long status() {
    long status =
        (overflow ? 8 : 0) | (queue.isEmpty() ? 0 : 4) | (rejected ? 2 : 0) | (busy > 0 ? 1 : 0);
    if (busy > 0 && --busy == 0) {
      execute();
    }
    return status;
  }

  @GuardedBy("this")
  private void start(long value) {
    if (busy > 0) {
      rejected = true;
      return;
    }
    rejected = false;
    command = value;
    busy = statusReads;
    if (busy == 0) {
      execute();
    }
  }

  /**
   *
   *
   * <pre>
   *  63      32 31     8 7       4 3      0
   *  reserved   operand  reserved  opcode
   * </pre>
   */
  @GuardedBy("this")
  private void execute() {
    int operand = (int) (command >>> 8) & 0xff_ffff;
    switch ((int) (command & 0xf)) {
      case 1 -> {
        if (Long.compareUnsigned(first, last) > 0) {
          rejected = true;
        } else {
          translator.invalidateRange(operand & 0xffff, first, last);
        }
      }
      case 2 -> translator.invalidateDomain(operand & 0xffff);
      case 3 -> translator.invalidateDevice(operand);
      default -> rejected = true;
    }
  }

  /** Queues a record; true if the interrupt must fire. */
  synchronized boolean record(FaultRecord fault) {
    if (queue.size() < QUEUE_LENGTH) {
      queue.add(fault);
    } else {
      overflow = true;
    }
    return (control & 2) != 0;
  }

  /**
   *
   *
   * <pre>
   *  63      62      61       60 59     56 55           44 43         24 23            0
   *  valid   write   reserved    reason    reserved        PASID         stream id
   * </pre>
   */
  private static long info(FaultRecord fault) {
    return 1L << 63
        | (fault.access() == FaultAccess.WRITE ? 1L << 62 : 0)
        | (long) number(fault.reason()) << 56
        | (fault.pasid() & 0xf_ffffL) << 24
        | fault.streamId();
  }

  private static int number(FaultReason reason) {
    return switch (reason) {
      case DISABLED -> 1;
      case UNKNOWN_DEVICE -> 2;
      case BLOCKED -> 3;
      case MALFORMED_DEVICE -> 4;
      case NO_PASID -> 5;
      case ADDRESS_WIDTH -> 6;
      case NOT_MAPPED -> 7;
      case PERMISSION -> 8;
      case MALFORMED_PAGE -> 9;
      case INTERRUPT_WINDOW -> 10;
      case MEMORY -> 11;
    };
  }
}
