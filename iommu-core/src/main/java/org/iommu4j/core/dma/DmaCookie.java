package org.iommu4j.core.dma;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.DmaLayer.Outcome;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.Scheduler;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the DMA layer holds for one default domain: its addresses, its mappings, its flush queue if
 * it is lazy, its MSI pages.
 *
 * <p>Whoever uses the domain holds the read side of {@link #life}; the end of the domain takes the
 * write side, so it waits for mappings and timers in progress and refuses later ones. It may wait
 * with the group lock held: nothing on the read side asks for a group lock, since drivers and
 * tracers may not.
 */
final class DmaCookie {
  private static final Logger LOG = LoggerFactory.getLogger(DmaCookie.class);

  private final PagingDomain domain;
  private final Scheduler scheduler;
  private final IovaSpace space;
  private final DmaMappings mappings;
  private final MsiPages msiPages;
  private final ReentrantReadWriteLock life = new ReentrantReadWriteLock();
  private final ReentrantLock setupLock = new ReentrantLock();

  @GuardedBy("setupLock")
  private FlushQueue.Shape shape = FlushQueue.Shape.SMALL;

  /** Written under {@link #setupLock}; a complete queue or null (FQ-011). */
  private volatile @Nullable FlushQueue queue;

  /** Written under {@link #setupLock}; whether the first device has been set up. */
  private volatile boolean ready;

  /** Written under the write side of {@link #life}. */
  private volatile boolean dead;

  private volatile Runnable cancelTimer = () -> {};

  DmaCookie(PagingDomain domain, Scheduler scheduler) {
    this.domain = domain;
    this.scheduler = scheduler;
    this.space = new IovaSpace(domain.pageSizes(), domain.geometry());
    this.mappings = new DmaMappings(domain, space);
    this.msiPages = new MsiPages(domain, space.granule(), this::takeMsiPage, this::giveBackPage);
  }

  boolean isDead() {
    return dead;
  }

  /** Sets a device up; only the first one leaves its marks on the domain (CORE-180). */
  Outcome setUp(DevIommu device) {
    setupLock.lock();
    try {
      if (!ready) {
        initialise(device);
        ready = true;
      }
      boolean strictInstead = domain.type() == DomainType.DMA_FQ && queue == null;
      return strictInstead ? Outcome.DOWNGRADED : Outcome.AS_REQUESTED;
    } finally {
      setupLock.unlock();
    }
  }

  @GuardedBy("setupLock")
  private void initialise(DevIommu device) {
    if (space.isEmpty()) {
      throw new IommuException(
          Errno.EFAULT,
          String.format(
              "device %s can use no address of domain %s: page sizes 0x%x, %s",
              device, domain, domain.pageSizes(), domain.geometry()));
    }
    if (device.shadowOnFlush()) {
      shape = FlushQueue.Shape.LARGE;
    }
    if (domain.type() == DomainType.DMA_FQ && queue == null && supportsQueue(device)) {
      queue = newQueue();
    }
    reserveRegions(device);
  }

  /** Generic page tables can always defer; others must say so (CORE-181). */
  private boolean supportsQueue(DevIommu device) {
    boolean deferring = has(DomainOp.MAP_RANGE) || device.capable(Capability.DEFERRED_FLUSH);
    return deferring && has(DomainOp.FLUSH_IOTLB_ALL);
  }

  private boolean has(DomainOp operation) {
    return domain.ops().operations().contains(operation);
  }

  @GuardedBy("setupLock")
  private FlushQueue newQueue() {
    FlushQueue.Shape chosen = shape;
    return new FlushQueue(domain, space, chosen.capacity(), () -> startTimer(chosen));
  }

  /** Carves the device's reserved regions out of the addresses (CORE-713). */
  private void reserveRegions(DevIommu device) {
    List<ResvRegion> regions = device.reservedRegions();
    try {
      for (ResvRegion region : regions) {
        // The window in which this layer maps doorbells itself needs no reservation.
        if (region.type() != ResvType.SW_MSI && region.length() != 0) {
          space.reserve(region.start(), region.last());
          if (region.type() == ResvType.MSI) {
            msiPages.addWindow(region);
          }
        }
      }
    } finally {
      regions.forEach(region -> release(region, device));
    }
  }

  private static void release(ResvRegion region, DevIommu device) {
    try {
      region.release(device.device());
    } catch (RuntimeException unexpected) {
      LOG.warn("release of reserved region {} of {} failed", region, device, unexpected);
    }
  }

  /** Gives the domain a queue, complete before anybody sees it (CORE-213). */
  void startFlushQueue() {
    setupLock.lock();
    try {
      if (queue != null) {
        return;
      }
      if (!has(DomainOp.FLUSH_IOTLB_ALL)) {
        throw new IommuException(
            Errno.EOPNOTSUPP, "domain " + domain + " stays strict: it cannot flush everything");
      }
      queue = newQueue();
    } finally {
      setupLock.unlock();
    }
  }

  /** Maps for a device; see {@link DmaMappings#map}. */
  long map(long paddr, long size, int prot, AtomicBoolean preferLow) {
    life.readLock().lock();
    try {
      requireAlive();
      return mappings.map(paddr, size, prot, preferLow);
    } finally {
      life.readLock().unlock();
    }
  }

  /** Unmaps: invalidates at once in a strict domain, queues in a lazy one. */
  void unmap(long dmaAddress, long size) {
    life.readLock().lock();
    try {
      requireAlive();
      // One look at the type decides: a live switch in the middle changes nothing (FQ-012).
      FlushQueue lazy = domain.type() == DomainType.DMA_FQ ? queue : null;
      mappings.unmap(dmaAddress, size, lazy);
    } finally {
      life.readLock().unlock();
    }
  }

  /** Makes a doorbell reachable (CORE-467). */
  long prepareMsi(long doorbell) {
    life.readLock().lock();
    try {
      requireAlive();
      return msiPages.prepare(doorbell);
    } finally {
      life.readLock().unlock();
    }
  }

  private long takeMsiPage() {
    long page = space.allocate(1, Long.MAX_VALUE);
    if (page == IovaSpace.NONE) {
      throw new IommuException(
          Errno.ENOMEM, "no addresses left in domain " + domain + " for an MSI page");
    }
    return space.addressOf(page);
  }

  private void giveBackPage(long iova) {
    space.free(space.pageOf(iova), 1);
  }

  private void startTimer(FlushQueue.Shape timing) {
    cancelTimer = scheduler.schedule(timing.timeout(), this::timerExpired);
  }

  private void timerExpired() {
    life.readLock().lock();
    try {
      FlushQueue waiting = queue;
      if (!dead && waiting != null) {
        waiting.expire();
      }
    } finally {
      life.readLock().unlock();
    }
  }

  /** Ends everything: waits for what is in progress, flushes nothing (CORE-548). */
  void close() {
    life.writeLock().lock();
    try {
      FlushQueue abandoned = queue;
      if (!dead && abandoned != null) {
        abandoned.abandon();
      }
      dead = true;
    } finally {
      life.writeLock().unlock();
    }
    cancelTimer.run();
  }

  private void requireAlive() {
    if (dead || !ready) {
      throw new IommuException(
          Errno.ENODEV, "domain " + domain + (dead ? " was freed" : " was set up for no device"));
    }
  }
}
