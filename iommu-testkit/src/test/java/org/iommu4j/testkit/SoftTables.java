package org.iommu4j.testkit;

import org.iommu4j.spi.Mmio;
import org.iommu4j.spi.PhysicalMemory;

/** Writes a SoftIOMMU's tables and commands word by word, as HARDWARE.md says. */
final class SoftTables {
  static final int READ = 2;
  static final int WRITE = 4;
  static final int DIRTY = 16;
  static final int RW = READ | WRITE | DIRTY;

  final PhysicalMemory memory;
  final Mmio registers;
  final long deviceTable;

  SoftTables(SoftHardware hardware) {
    memory = hardware.memory();
    registers = hardware.port().registers();
    deviceTable = memory.allocatePage();
    registers.write64(0x10, deviceTable);
    registers.write64(0x08, 3);
  }

  /** The address of a device entry, whose tables are made. */
  long deviceEntry(int streamId) {
    long middle = pointer(deviceTable + 8L * (streamId >>> 18));
    long low = pointer(middle + 8L * (streamId >>> 9 & 0x1ff));
    return low + 8L * (streamId & 0x1ff);
  }

  private long pointer(long slot) {
    if (memory.read(slot) == 0) {
      memory.write(slot, memory.allocatePage() | 1);
    }
    return memory.read(slot) & 0x0000_ffff_ffff_f000L;
  }

  void setDevice(int streamId, long entry) {
    memory.writeRelease(deviceEntry(streamId), entry);
  }

  static long translate(int domain, long pageTable) {
    return (long) domain << 48 | pageTable | 3;
  }

  /** The address of the entry of a level (0 to 2) for an address, whose tables are made. */
  long pageEntry(long pageTable, long iova, int level) {
    long table = pageTable;
    for (int l = 3; l > level; l--) {
      table = pointer(table + 8L * (iova >>> (12 + 9 * l) & 0x1ff));
    }
    return table + 8L * (iova >>> (12 + 9 * level) & 0x1ff);
  }

  void map(long pageTable, long iova, long physical, int level, int bits) {
    memory.writeRelease(pageEntry(pageTable, iova, level), physical | bits | 8 | 1);
  }

  void unmap(long pageTable, long iova, int level) {
    memory.writeRelease(pageEntry(pageTable, iova, level), 0);
  }

  void invalidateRange(int domain, long first, long last) {
    registers.write64(0x20, first);
    registers.write64(0x28, last);
    registers.write64(0x30, (long) domain << 8 | 1);
  }

  void invalidateDomain(int domain) {
    registers.write64(0x30, (long) domain << 8 | 2);
  }

  void invalidateDevice(int streamId) {
    registers.write64(0x30, (long) streamId << 8 | 3);
  }
}
