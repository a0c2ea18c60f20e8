package org.iommu4j.memory;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;

/**
 * Lends the pages of a piece of physical memory and knows who has none to give back: what an
 * implementation of {@link PhysicalMemory} needs besides words. Thread-safe.
 *
 * <p>It hands out the highest page first and works downwards, gives a page that came back again
 * before any fresh one, and never gives the page at address 0. Whoever uses it clears the pages.
 */
public final class PageAllocator {
  private static final int MAX_RUN = 1 << 16;
  private static final int PAGE_SHIFT = 12;

  private final long base;
  private final long size;
  private final PagePool pool;

  /**
   * Starts an account with all pages free.
   *
   * @param base the first address, a multiple of {@link PhysicalMemory#PAGE_SIZE}
   * @param bytes the size, a positive multiple of the page size
   * @param pageLimit how many pages may be taken at a time, zero or more
   * @throws IllegalArgumentException for any other number, and if the memory passes the end of the
   *     address space
   */
  public PageAllocator(long base, long bytes, long pageLimit) {
    FileLayout.Range checked = new FileLayout.Range(base, bytes, 0);
    if (pageLimit < 0) {
      throw new IllegalArgumentException("page limit " + pageLimit + " is negative");
    }
    this.base = checked.base();
    size = checked.bytes();
    long usable = (bytes >>> PAGE_SHIFT) - (base == 0 ? 1 : 0);
    long limit = Math.min(Math.min(usable, pageLimit), Integer.MAX_VALUE);
    pool = new PagePool((int) limit, (base + bytes) >>> PAGE_SHIFT);
  }

  /**
   * Takes adjacent pages. Their words are as somebody left them.
   *
   * @param pages a power of two up to 65536
   * @return the address of the first, a multiple of the size of all, never 0
   * @throws IommuException ENOMEM if too few are left
   * @throws IllegalArgumentException for any other number
   */
  public long allocate(int pages) {
    int number = pool.take(order(pages));
    if (number < 0) {
      throw new IommuException(
          Errno.ENOMEM,
          String.format(
              "no 0x%x adjacent pages are left of the 0x%x of the memory at 0x%x+0x%x",
              pages, pool.limit(), base, size));
    }
    return address(number, pages);
  }

  /**
   * Gives adjacent pages back.
   *
   * @param address from {@link #allocate}
   * @param pages as many as were taken
   * @throws IommuException EINVAL if they were not taken together, or came back already
   * @throws IllegalArgumentException if the number is not a power of two up to 65536
   */
  public void free(long address, int pages) {
    int order = order(pages);
    long number = (base + size - address) / PhysicalMemory.PAGE_SIZE - pages;
    if (Long.compareUnsigned(address - base, size) >= 0
        || (address & (PhysicalMemory.PAGE_SIZE - 1)) != 0
        || number < 0
        || number > Integer.MAX_VALUE
        || !pool.give((int) number, order)) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "cannot free 0x%x pages at 0x%x: none of the memory at 0x%x+0x%x are allocated there",
              pages, address, base, size));
    }
  }

  /**
   * How many pages are taken.
   *
   * @return zero or more
   */
  public long allocated() {
    return pool.used();
  }

  /**
   * Which pages are taken.
   *
   * @return the address of each, the highest first; a snapshot
   */
  public long[] addresses() {
    return pool.taken().mapToLong(number -> address(number, 1)).toArray();
  }

  private long address(int number, int pages) {
    return base + size - ((number + (long) pages) << PAGE_SHIFT);
  }

  private static int order(int pages) {
    if (Integer.bitCount(pages) != 1 || pages < 1 || pages > MAX_RUN) {
      throw new IllegalArgumentException(
          "a run of " + pages + " pages is not a power of two up to " + MAX_RUN);
    }
    return Integer.numberOfTrailingZeros(pages);
  }
}
