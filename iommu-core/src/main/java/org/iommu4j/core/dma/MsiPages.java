package org.iommu4j.core.dma;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Prot;
import org.iommu4j.api.ResvRegion;

/**
 * The MSI doorbells that are reachable in one domain, by physical page (CORE-468).
 *
 * <p>A page is mapped when it is first asked for and stays until the domain goes (DMA-098). One
 * lock per domain serialises this, driver call included, because one domain may serve several
 * groups (DMA-099). Thread-safe.
 */
final class MsiPages {
  private static final int PROT = Prot.WRITE | Prot.NOEXEC | Prot.MMIO;

  private final PagingDomain domain;
  private final long pageSize;
  private final LongSupplier take;
  private final LongConsumer giveBack;
  private final ReentrantLock lock = new ReentrantLock();

  /** Physical page to DMA address. */
  @GuardedBy("lock")
  private final Map<Long, Long> mapped = new HashMap<>();

  /** Hardware windows: reachable without a mapping, one-to-one (DMA-016). */
  @GuardedBy("lock")
  private final List<ResvRegion> windows = new ArrayList<>();

  /**
   * Creates an empty set of doorbells.
   *
   * @param domain where to map
   * @param pageSize a power of two
   * @param take supplies the DMA address of a page, or throws ENOMEM
   * @param giveBack takes the latest address back if it could not be used
   */
  MsiPages(PagingDomain domain, long pageSize, LongSupplier take, LongConsumer giveBack) {
    this.domain = domain;
    this.pageSize = pageSize;
    this.take = take;
    this.giveBack = giveBack;
  }

  /** Makes a hardware window known. */
  void addWindow(ResvRegion region) {
    lock.lock();
    try {
      windows.add(region);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes a doorbell reachable.
   *
   * @param doorbell physical address
   * @return its DMA address (DMA-100)
   * @throws IommuException ENOMEM if it cannot be mapped; nothing is remembered then
   */
  long prepare(long doorbell) {
    long page = doorbell & -pageSize;
    lock.lock();
    try {
      if (inWindow(page)) {
        return doorbell;
      }
      Long known = mapped.get(page);
      long iova = known == null ? map(page) : known;
      mapped.put(page, iova);
      return iova + (doorbell - page);
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private boolean inWindow(long page) {
    for (ResvRegion window : windows) {
      if (Long.compareUnsigned(page, window.start() & -pageSize) >= 0
          && Long.compareUnsigned(page, window.last()) <= 0) {
        return true;
      }
    }
    return false;
  }

  private long map(long page) {
    long iova = take.getAsLong();
    try {
      domain.map(iova, page, pageSize, PROT);
      return iova;
    } catch (IommuException failure) {
      giveBack.accept(iova);
      throw new IommuException(
          Errno.ENOMEM,
          String.format("MSI page 0x%x cannot be mapped at 0x%x in domain %s", page, iova, domain),
          failure);
    }
  }
}
