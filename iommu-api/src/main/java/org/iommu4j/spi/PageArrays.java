package org.iommu4j.spi;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/**
 * The pages of a memory that keeps each as an array of words. Thread-safe.
 *
 * <p>The arrays are the memory, not a copy: whoever has one reads and writes without asking the
 * memory for every word. A page has no array until somebody asks for it; then it keeps the same one
 * for ever, allocated or not.
 *
 * <p>Pages are numbered as addresses are: a page's number is its address divided by {@link
 * PhysicalMemory#PAGE_SIZE}.
 */
public final class PageArrays {
  private static final int WORDS = PhysicalMemory.PAGE_SIZE / Long.BYTES;
  private static final VarHandle PAGE = MethodHandles.arrayElementVarHandle(long[][].class);

  private final long first;
  private final int count;

  /** The bits that no index has: one test instead of two comparisons, as the length fits to it. */
  private final long beyond;

  /** As long as the next power of two; what is not in the memory stays null. */
  private final long[] @Nullable [] pages;

  /**
   * Pages full of zeroes.
   *
   * @param first the number of the first page
   * @param count how many, 1 to 2<sup>30</sup>
   */
  public PageArrays(long first, int count) {
    this.first = first;
    this.count = count;
    int length = 1 << (Integer.SIZE - Integer.numberOfLeadingZeros(count - 1));
    this.beyond = -(long) length;
    this.pages = new long[length][];
  }

  /**
   * The words of a page.
   *
   * @param number its number
   * @return 512 words, always the same array
   * @throws IommuException EFAULT outside the memory
   */
  public long[] page(long number) {
    long[] page = peek(number);
    return page == null ? make(number) : page;
  }

  /**
   * The words of a page, if anybody has asked for them before.
   *
   * @param number its number
   * @return 512 words; null if all of them are still 0
   * @throws IommuException EFAULT far outside the memory
   */
  public long @Nullable [] peek(long number) {
    long index = number - first;
    if ((index & beyond) != 0) {
      throw outside(number);
    }
    // A plain read: whoever misses an array that another thread makes just now, finds it in make.
    return pages[(int) index];
  }

  private IommuException outside(long number) {
    return new IommuException(
        Errno.EFAULT,
        String.format("page 0x%x is outside the memory of pages 0x%x+0x%x", number, first, count));
  }

  /** Two threads may meet here; whoever loses the race uses the winner's array. */
  private long[] make(long number) {
    if (number - first >= count) {
      throw outside(number);
    }
    long[] fresh = new long[WORDS];
    long[] other = (long[]) PAGE.compareAndExchange(pages, (int) (number - first), null, fresh);
    return other == null ? fresh : other;
  }
}
