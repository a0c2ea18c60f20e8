package org.iommu4j.spi;

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
}
