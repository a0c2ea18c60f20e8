package org.iommu4j.driver.soft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashSet;
import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;

/**
 * The device table in memory: three levels of pages, made when a device comes and freed when the
 * last one of a page has gone. Thread-safe.
 *
 * <pre>
 *  stream id
 *  23       18 17        9 8         0
 *  level 2     level 1     level 0          an upper entry is 0 or page address | 1
 * </pre>
 */
final class DeviceTable {
  private static final int TOP = 2;
  private static final int INDEX_BITS = 9;
  private static final int INDEX_MASK = (1 << INDEX_BITS) - 1;
  private static final int MAX_STREAM_ID = 0xffffff;

  /** Devices without a number of their own get one from here on; no PCI function is above it. */
  private static final int FIRST_SPARE = 0xff0000;

  private static final long POINTER = 1;

  private final PhysicalMemory memory;
  private final Registers registers;
  private final long top;

  @GuardedBy("this")
  private final Set<Integer> claimed = new HashSet<>();

  DeviceTable(PhysicalMemory memory, Registers registers) {
    this.memory = memory;
    this.registers = registers;
    this.top = memory.allocatePage();
  }

  /** The address of the top table. */
  long top() {
    return top;
  }

  /** Takes the lowest free number for a device that has none; returns the stream id. */
  synchronized int claimSpare() {
    int streamId = FIRST_SPARE;
    while (claimed.contains(streamId)) {
      streamId++;
    }
    claim(streamId);
    return streamId;
  }

  /**
   * Takes a stream id and makes the tables on the way to its entry, which is absent and cannot be
   * cached as anything else.
   *
   * @throws IommuException EINVAL beyond 24 bits, EEXIST if another device has it, ENOMEM
   */
  synchronized void claim(int streamId) {
    if (streamId < 0 || streamId > MAX_STREAM_ID) {
      throw new IommuException(
          Errno.EINVAL, String.format("stream id 0x%x has more than 24 bits", streamId));
    }
    if (claimed.contains(streamId)) {
      throw new IommuException(
          Errno.EEXIST, String.format("stream id 0x%x belongs to another device", streamId));
    }
    try {
      long table = top;
      for (int level = TOP; level > 0; level--) {
        long slot = slot(table, streamId, level);
        if (memory.read(slot) == 0) {
          memory.writeRelease(slot, memory.allocatePage() | POINTER);
        }
        table = memory.read(slot) - POINTER;
      }
    } catch (IommuException noMemory) {
      prune(streamId);
      throw noMemory;
    }
    claimed.add(streamId);
  }

  /** The address of the entry of a claimed stream id; it stays there until released. */
  synchronized long entryOf(int streamId) {
    long table = top;
    for (int level = TOP; level > 0; level--) {
      table = memory.read(slot(table, streamId, level)) - POINTER;
    }
    return slot(table, streamId, 0);
  }

  /** Makes the entry absent and gives the stream id and unused tables back. */
  synchronized void release(int streamId) {
    memory.writeRelease(entryOf(streamId), DeviceEntry.ABSENT);
    claimed.remove(streamId);
    prune(streamId);
  }

  /**
   * Unlinks the empty tables on the way to a stream id, tells the hardware, then frees them: in
   * this order, because a walk may be in them until the command is complete.
   */
  @GuardedBy("this")
  private void prune(int streamId) {
    long[] way = new long[TOP + 1];
    int lowest = TOP;
    way[TOP] = top;
    while (lowest > 0 && memory.read(slot(way[lowest], streamId, lowest)) != 0) {
      way[lowest - 1] = memory.read(slot(way[lowest], streamId, lowest)) - POINTER;
      lowest--;
    }
    int level = lowest;
    while (level < TOP && isEmpty(way[level])) {
      memory.writeRelease(slot(way[level + 1], streamId, level + 1), 0);
      level++;
    }
    registers.invalidateDevice(streamId);
    for (int emptied = lowest; emptied < level; emptied++) {
      memory.freePage(way[emptied]);
    }
  }

  private boolean isEmpty(long table) {
    for (long at = table; at < table + PhysicalMemory.PAGE_SIZE; at += Long.BYTES) {
      if (memory.read(at) != 0) {
        return false;
      }
    }
    return true;
  }

  private static long slot(long table, int streamId, int level) {
    int index = (streamId >>> (level * INDEX_BITS)) & INDEX_MASK;
    return table + (long) index * Long.BYTES;
  }
}
