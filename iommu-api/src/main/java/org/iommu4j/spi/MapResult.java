package org.iommu4j.spi;

import org.iommu4j.api.Errno;

/**
 * The answer of a map callback, packed into a {@code long} so that none is allocated: how many
 * pages were mapped and, if it stopped early, why.
 *
 * <pre>
 *  63      62 ... 12   11 ... 0
 *  failed  pages       errno          (failed = 1)
 *  0       pages                      (failed = 0)
 * </pre>
 */
public final class MapResult {
  private static final int ERRNO_BITS = 12;
  private static final long ERRNO_MASK = (1L << ERRNO_BITS) - 1;

  private MapResult() {}

  /**
   * All that was asked for, or a part of it without an error.
   *
   * @param pages pages mapped, not negative
   * @return the packed answer
   */
  public static long mapped(long pages) {
    return pages;
  }

  /**
   * A failure.
   *
   * @param pages pages that were mapped before it, 0 to 2<sup>51</sup> - 1
   * @param errno why it stopped
   * @return the packed answer
   */
  public static long failed(long pages, Errno errno) {
    return Long.MIN_VALUE | pages << ERRNO_BITS | errno.number();
  }

  /**
   * Whether the answer carries an error.
   *
   * @param result a packed answer
   * @return true for one made by {@link #failed}
   */
  public static boolean isFailure(long result) {
    return result < 0;
  }

  /**
   * How many pages were mapped, with or without an error.
   *
   * @param result a packed answer
   * @return pages
   */
  public static long pages(long result) {
    return result < 0 ? (result & Long.MAX_VALUE) >> ERRNO_BITS : result;
  }

  /**
   * Whether the errno of a failure is one this library knows.
   *
   * @param result a packed answer for which {@link #isFailure} is true
   * @return false for bits that no call of {@link #failed} produces
   */
  public static boolean hasKnownErrno(long result) {
    return Errno.isKnown((int) (result & ERRNO_MASK));
  }

  /**
   * Why it stopped.
   *
   * @param result a packed answer for which {@link #isFailure} is true
   * @return the error
   */
  public static Errno errno(long result) {
    return Errno.ofNumber((int) (result & ERRNO_MASK));
  }
}
