package org.iommu4j.core.dma;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.iommu4j.api.DomainGeometry;

/**
 * The DMA addresses of one domain that nobody uses: an allocator of whole pages, where a page is
 * the granule of the domain.
 *
 * <p>It keeps the gaps, by first page, and searches them from the top; the first gap that fits wins
 * (IOVA-012). What it hands out is aligned to its size rounded up to a power of two (DMA-031), so
 * that large pages can be used. Page 0 is never handed out and serves as "none" (IOVA-003).
 * Thread-safe.
 */
final class IovaSpace {
  /** What {@link #allocate} returns if nothing fits. */
  static final long NONE = 0;

  /** Devices drive at most 48 address bits here. */
  private static final long DEVICE_LIMIT = (1L << 48) - 1;

  private static final int DEFAULT_SHIFT = 12;

  private final int shift;
  private final long lastPage;
  private final boolean empty;
  private final ReentrantLock lock = new ReentrantLock();

  /** First page to last page, inclusive, of every gap; gaps neither overlap nor touch. */
  @GuardedBy("lock")
  private final TreeMap<Long, Long> gaps = new TreeMap<>();

  /**
   * Creates the space of a domain: from its second page or the start of its aperture (CORE-180), to
   * the end of its aperture if that is forced (DMA-024).
   *
   * @param pageSizes the smallest is the granule; without any the space is empty
   * @param geometry the aperture
   */
  IovaSpace(long pageSizes, DomainGeometry geometry) {
    shift = pageSizes == 0 ? DEFAULT_SHIFT : Long.numberOfTrailingZeros(pageSizes);
    long lastAddress = DEVICE_LIMIT;
    if (geometry.forceAperture() && Long.compareUnsigned(geometry.apertureEnd(), lastAddress) < 0) {
      lastAddress = geometry.apertureEnd();
    }
    lastPage = pageOf(lastAddress + 1) - 1;
    long start = geometry.apertureStart();
    boolean fits = pageSizes != 0 && Long.compareUnsigned(start, lastAddress) <= 0;
    long firstPage = fits ? Math.max(1, pageOf(start + granule() - 1)) : Long.MAX_VALUE;
    empty = firstPage > lastPage;
    if (!empty) {
      gaps.put(firstPage, lastPage);
    }
  }

  /** Whether nothing can ever be handed out. */
  boolean isEmpty() {
    return empty;
  }

  /** The size of a page, in bytes. */
  long granule() {
    return 1L << shift;
  }

  /** The page an address lies in. */
  long pageOf(long address) {
    return address >>> shift;
  }

  /** The first address of a page. */
  long addressOf(long page) {
    return page << shift;
  }

  /** The offset of an address within its page. */
  long offsetOf(long address) {
    return address & granule() - 1;
  }

  /** How many pages a range touches that does not wrap and is not empty (DMA-038). */
  long pagesOf(long address, long size) {
    return pageOf(address + size - 1) - pageOf(address) + 1;
  }

  /**
   * Takes pages.
   *
   * @param pages how many, at least 1
   * @param limit the highest address that may be used
   * @return the first page, or {@link #NONE}
   */
  long allocate(long pages, long limit) {
    if (Long.compareUnsigned(pages, lastPage) > 0) {
      return NONE;
    }
    long alignment = pages == 1 ? 1 : Long.highestOneBit(pages - 1) << 1;
    long limitPage = Math.min(pageOf(limit), lastPage);
    lock.lock();
    try {
      for (Map.Entry<Long, Long> gap : gaps.headMap(limitPage, true).descendingMap().entrySet()) {
        long last = Math.min(gap.getValue(), limitPage);
        long candidate = (last + 1 - pages) & -alignment;
        if (candidate >= gap.getKey()) {
          cut(gap.getKey(), gap.getValue(), candidate, candidate + pages - 1);
          return candidate;
        }
      }
      return NONE;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Withdraws the pages of a range for ever, as far as they are free (DMA-015).
   *
   * @param first first address
   * @param last last address, inclusive; below the first, the range ends at the top
   */
  void reserve(long first, long last) {
    boolean wraps = Long.compareUnsigned(last, first) < 0;
    long from = pageOf(first);
    long to = wraps ? lastPage : Math.min(pageOf(last), lastPage);
    lock.lock();
    try {
      Map.Entry<Long, Long> gap = gaps.floorEntry(to);
      while (gap != null && gap.getValue() >= from) {
        cut(gap.getKey(), gap.getValue(), from, to);
        gap = gaps.floorEntry(to);
      }
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private void cut(long gapFirst, long gapLast, long first, long last) {
    gaps.remove(gapFirst);
    if (gapFirst < first) {
      gaps.put(gapFirst, first - 1);
    }
    if (gapLast > last) {
      gaps.put(last + 1, gapLast);
    }
  }

  /**
   * Gives pages back. The caller vouches that the hardware has forgotten them.
   *
   * @param page from {@link #allocate}
   * @param pages how many were taken
   * @throws IllegalStateException if one of them is free already
   */
  void free(long page, long pages) {
    long first = page;
    long last = page + pages - 1;
    lock.lock();
    try {
      Map.Entry<Long, Long> below = gaps.floorEntry(last);
      if (below != null && below.getValue() >= first) {
        throw new IllegalStateException(
            String.format("pages 0x%x to 0x%x are not all in use", first, last));
      }
      if (below != null && below.getValue() == first - 1) {
        first = below.getKey();
      }
      Long above = gaps.remove(last + 1);
      if (above != null) {
        last = above;
      }
      gaps.put(first, last);
    } finally {
      lock.unlock();
    }
  }

  /** How many pages are free: what a leak check compares. */
  long freePages() {
    lock.lock();
    try {
      long total = 0;
      for (Map.Entry<Long, Long> gap : gaps.entrySet()) {
        total += gap.getValue() - gap.getKey() + 1;
      }
      return total;
    } finally {
      lock.unlock();
    }
  }
}
