package org.iommu4j.cli.vectors;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PageArrays;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * Memory with the allocator of the recording: the n-th table lies at 0x1_0000_0000 + n * 0x1000,
 * and no page is ever used again. Confined to one thread.
 *
 * <p>A table of several pages does not fit into that numbering. It lies elsewhere, and {@link
 * #recorded} says which address the recording has for it.
 */
final class BumpMemory implements PhysicalMemory {
  static final long BASE = 0x1_0000_0000L;
  private static final long HALF = 1L << 29;
  static final long SIZE = 2 * HALF;

  private final PhysicalMemory words;
  private final Map<Long, Integer> numbers = new HashMap<>();
  private final Set<Long> lent = new HashSet<>();
  private long nextLarge = BASE + HALF;

  /** Over words that are all zero, from {@link #BASE} on. */
  BumpMemory(PhysicalMemory words) {
    this.words = words;
  }

  /** The number of a table. */
  int number(long table) {
    Integer number = numbers.get(table);
    if (number == null) {
      throw new IllegalStateException(String.format("no table was allocated at 0x%x", table));
    }
    return number;
  }

  /** Where a table lay in the recording. */
  long recorded(long table) {
    return BASE + (long) number(table) * PAGE_SIZE;
  }

  @Override
  public long allocatePage() {
    return allocatePages(1);
  }

  @Override
  public long allocatePages(int pages) {
    long bytes = (long) pages * PAGE_SIZE;
    long address = BASE + (long) numbers.size() * PAGE_SIZE;
    if (pages > 1) {
      address = (nextLarge + bytes - 1) & -bytes;
      nextLarge = address + bytes;
    }
    if (address + bytes > BASE + (pages > 1 ? 2 * HALF : HALF)) {
      throw new IommuException(
          Errno.ENOMEM, String.format("all tables below 0x%x are in use", address));
    }
    numbers.put(address, numbers.size());
    lent.add(address);
    return address;
  }

  @Override
  public void freePage(long address) {
    if (!lent.remove(address)) {
      throw new IommuException(
          Errno.EINVAL, String.format("cannot free 0x%x: no table is allocated there", address));
    }
  }

  @Override
  public void freePages(long address, int pages) {
    freePage(address);
  }

  @Override
  public long allocatedPages() {
    return lent.size();
  }

  @Override
  public @Nullable PageArrays arrays() {
    return words.arrays();
  }

  @Override
  public long read(long address) {
    return words.read(address);
  }

  @Override
  public void write(long address, long value) {
    words.write(address, value);
  }

  @Override
  public long readAcquire(long address) {
    return words.readAcquire(address);
  }

  @Override
  public void writeRelease(long address, long value) {
    words.writeRelease(address, value);
  }

  @Override
  public boolean compareAndSet(long address, long expected, long value) {
    return words.compareAndSet(address, expected, value);
  }

  @Override
  public void fill(long address, int count, long value) {
    words.fill(address, count, value);
  }

  @Override
  public void fillRising(long address, int count, long first, int shift) {
    words.fillRising(address, count, first, shift);
  }

  @Override
  public void clear(long address, int count) {
    words.clear(address, count);
  }

  @Override
  public int leadingZeroes(long address, int count) {
    return words.leadingZeroes(address, count);
  }

  @Override
  public int leadingMarked(long address, int count, long mask) {
    return words.leadingMarked(address, count, mask);
  }
}
