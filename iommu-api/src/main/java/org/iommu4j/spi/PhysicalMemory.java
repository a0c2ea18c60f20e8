package org.iommu4j.spi;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/**
 * Physical memory, as a driver writes it and hardware reads it. Thread-safe.
 *
 * <p>Addresses are byte addresses; 64-bit accesses need an address that is a multiple of 8. A write
 * with {@link #writeRelease} makes all earlier writes of its thread visible to whoever reads its
 * value with {@link #readAcquire}.
 */
public interface PhysicalMemory {
  /** Bytes in a page of table memory. */
  int PAGE_SIZE = 4096;

  /**
   * Takes a zeroed page for a table.
   *
   * @return its address, a multiple of {@link #PAGE_SIZE}, never 0
   * @throws IommuException ENOMEM if there is none
   */
  long allocatePage();

  /**
   * Gives a page back.
   *
   * @param address from {@link #allocatePage}
   * @throws IommuException EINVAL if it is not an allocated page
   */
  void freePage(long address);

  /**
   * How many pages are allocated: what a leak check compares.
   *
   * @return zero or more
   */
  long allocatedPages();

  /**
   * Which pages are allocated: what a leak report names. Runs from {@link #allocatePages} appear
   * page by page.
   *
   * @return the address of each, the highest first; a snapshot
   * @throws IommuException EOPNOTSUPP from a memory that only counts
   */
  default long[] allocatedPageAddresses() {
    throw new IommuException(
        Errno.EOPNOTSUPP, "this memory does not know where its allocated pages are");
  }

  /**
   * Reads 64 bits without ordering.
   *
   * @param address a multiple of 8
   * @return the value
   * @throws IommuException EFAULT outside the memory, EINVAL if misaligned
   */
  long read(long address);

  /**
   * Writes 64 bits without ordering.
   *
   * @param address a multiple of 8
   * @param value the new value
   * @throws IommuException EFAULT outside the memory, EINVAL if misaligned
   */
  void write(long address, long value);

  /**
   * Reads 64 bits; later accesses of this thread are not moved before it.
   *
   * @param address a multiple of 8
   * @return the value
   * @throws IommuException as {@link #read}
   */
  long readAcquire(long address);

  /**
   * Writes 64 bits after all earlier accesses of this thread.
   *
   * @param address a multiple of 8
   * @param value the new value
   * @throws IommuException as {@link #write}
   */
  void writeRelease(long address, long value);

  /**
   * Writes 64 bits if they hold an expected value, with full ordering.
   *
   * @param address a multiple of 8
   * @param expected the value that must be there
   * @param value the new value
   * @return true if it was written
   * @throws IommuException as {@link #write}
   */
  boolean compareAndSet(long address, long expected, long value);

  /**
   * Takes adjacent zeroed pages for a table that is larger than one.
   *
   * @param pages a power of two
   * @return the address of the first, a multiple of the size of all, never 0
   * @throws IommuException ENOMEM if there are none, or none that lie together
   */
  default long allocatePages(int pages) {
    if (pages != 1) {
      throw new IommuException(Errno.ENOMEM, "this memory has no " + pages + " adjacent pages");
    }
    return allocatePage();
  }

  /**
   * Gives adjacent pages back.
   *
   * @param address from {@link #allocatePages}
   * @param pages as many as were taken
   * @throws IommuException EINVAL if they were not allocated together
   */
  default void freePages(long address, int pages) {
    if (pages != 1) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "cannot free 0x%x: this memory has no 0x%x adjacent pages", address, pages));
    }
    freePage(address);
  }

  /**
   * Writes one value into a run of words, without ordering between them; no word is ever seen half
   * written.
   *
   * @param address of the first word, a multiple of 8
   * @param count words, zero or more
   * @param value the new value of each
   * @throws IommuException as {@link #write}; some words may be written
   */
  default void fill(long address, int count, long value) {
    for (int i = 0; i < count; i++) {
      write(address + (long) i * Long.BYTES, value);
    }
  }

  /**
   * Writes values that rise by a power of two, as the entries of adjacent pages do: word {@code i}
   * becomes {@code first + (i << shift)}. Without ordering, but no word is ever seen half written.
   *
   * @param address of the first word, a multiple of 8
   * @param count words, zero or more
   * @param first the first value
   * @param shift log2 of the step, 0 to 63
   * @throws IommuException as {@link #write}; some words may be written
   */
  default void fillRising(long address, int count, long first, int shift) {
    for (int i = 0; i < count; i++) {
      write(address + (long) i * Long.BYTES, first + ((long) i << shift));
    }
  }

  /**
   * Writes zeroes into a run of words, without ordering between them.
   *
   * @param address of the first word, a multiple of 8
   * @param count words, zero or more
   * @throws IommuException as {@link #write}; some words may be written
   */
  default void clear(long address, int count) {
    fill(address, count, 0);
  }

  /**
   * Counts the zero words at the begin of a run.
   *
   * @param address of the first word, a multiple of 8
   * @param count words, zero or more
   * @return 0 to {@code count}
   * @throws IommuException as {@link #read}
   */
  default int leadingZeroes(long address, int count) {
    int n = 0;
    while (n < count && read(address + (long) n * Long.BYTES) == 0) {
      n++;
    }
    return n;
  }

  /**
   * Counts the words at the begin of a run that have some bit of a mask.
   *
   * @param address of the first word, a multiple of 8
   * @param count words, zero or more
   * @param mask the bits
   * @return 0 to {@code count}
   * @throws IommuException as {@link #read}
   */
  default int leadingMarked(long address, int count, long mask) {
    int n = 0;
    while (n < count && (read(address + (long) n * Long.BYTES) & mask) != 0) {
      n++;
    }
    return n;
  }
}
