package org.iommu4j.driver.soft;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.InterruptLine;
import org.iommu4j.spi.Mmio;
import org.iommu4j.spi.PhysicalMemory;

/**
 * A port that does nothing but write down, in one list, the commands a driver gives and the pages
 * it frees: their order is what matters. One thread.
 */
final class FakeHardware implements HardwarePort, Mmio, PhysicalMemory {
  static final long CAPABILITY_PASIDS = 8L << 24;
  static final long CAPABILITY_DIRTY = 1L << 32;

  final List<String> events = new ArrayList<>();
  final Map<Long, Long> registers = new HashMap<>();
  final Deque<long[]> faults = new ArrayDeque<>();
  final HeapMemory memory;
  Runnable handler = () -> {};
  int busyReads;
  boolean reject;
  boolean hang;
  private int busy;

  FakeHardware() {
    this(CAPABILITY_PASIDS | CAPABILITY_DIRTY, 1 << 20);
  }

  FakeHardware(long capabilities, long pageLimit) {
    memory = HeapMemory.builder().size(1L << 32).pageLimit(pageLimit).build();
    registers.put(0x00L, capabilities | 48 << 16 | 48 << 8 | 1);
    registers.put(0x18L, 0L);
  }

  /** The events since the last call. */
  List<String> takeEvents() {
    List<String> taken = List.copyOf(events);
    events.clear();
    return taken;
  }

  /** The word at an index of a table. */
  long word(long table, int index) {
    return memory.read(table + 8L * index);
  }

  @Override
  public String name() {
    return "fake0";
  }

  @Override
  public PhysicalMemory memory() {
    return this;
  }

  @Override
  public Mmio registers() {
    return this;
  }

  @Override
  public InterruptLine interrupt() {
    return newHandler -> handler = newHandler;
  }

  @Override
  public long read64(long offset) {
    if (offset == 0x38 || offset == 0x40) {
      return faults.isEmpty() ? 0 : faults.element()[offset == 0x38 ? 0 : 1];
    }
    if (offset == 0x18) {
      long status = registers.getOrDefault(offset, 0L) & ~3;
      return status | (reject ? 2 : 0) | (hang || busy-- > 0 ? 1 : 0);
    }
    return registers.getOrDefault(offset, 0L);
  }

  @Override
  public void write64(long offset, long value) {
    if (offset == 0x38) {
      faults.remove();
    } else if (offset == 0x18) {
      registers.merge(offset, ~value, (old, mask) -> old & mask);
    } else {
      registers.put(offset, value);
    }
    if (offset == 0x30) {
      busy = busyReads;
      events.add(describe(value));
    }
  }

  private String describe(long command) {
    long operand = command >>> 8;
    return switch ((int) command & 0xff) {
      case 1 ->
          String.format(
              "range %d [0x%x, 0x%x]", operand, registers.get(0x20L), registers.get(0x28L));
      case 2 -> "domain " + operand;
      case 3 -> String.format("device 0x%x", operand);
      default -> "unknown";
    };
  }

  @Override
  public int read32(long offset) {
    throw new AssertionError("32-bit read");
  }

  @Override
  public void write32(long offset, int value) {
    throw new AssertionError("32-bit write");
  }

  @Override
  public long allocatePage() {
    return memory.allocatePage();
  }

  @Override
  public void freePage(long address) {
    events.add(String.format("free 0x%x", address));
    memory.freePage(address);
  }

  @Override
  public long allocatedPages() {
    return memory.allocatedPages();
  }

  @Override
  public long read(long address) {
    return memory.read(address);
  }

  @Override
  public void write(long address, long value) {
    memory.write(address, value);
  }

  @Override
  public long readAcquire(long address) {
    return memory.readAcquire(address);
  }

  @Override
  public void writeRelease(long address, long value) {
    memory.writeRelease(address, value);
  }

  @Override
  public boolean compareAndSet(long address, long expected, long value) {
    return memory.compareAndSet(address, expected, value);
  }
}
