package org.iommu4j.core.dma;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IdentityDomain;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.Scheduler;

/**
 * A small and honest DMA layer: addresses, map, unmap, strict and lazy invalidation, MSI pages.
 *
 * <p>It keeps the promise of the real one, that no address and no table page is used again before
 * the hardware has forgotten it ({@link FlushQueue}), and has none of its speed: one queue per
 * domain, one lock per address space, objects on every path. It follows CORE-179 to 181, 210 to
 * 214, 463 to 468, 713 and sections B and C of the DMA rules. Thread-safe.
 */
public final class SimpleDmaLayer implements DmaLayer {
  /** Size of the pages in a consumer's MSI window: the CPU's page size (CORE-468). */
  private static final long CPU_PAGE = 4096;

  private final Scheduler scheduler;
  private final boolean forceDac;
  private final Map<PagingDomain, DmaCookie> cookies = byIdentity();
  private final Map<PagingDomain, MsiPages> msiCookies = byIdentity();
  private final Map<DevIommu, DeviceMapper> mappers = byIdentity();

  /**
   * Creates a layer in which PCI devices get addresses below 4 GiB first.
   *
   * @param scheduler when lazy domains are flushed
   */
  public SimpleDmaLayer(Scheduler scheduler) {
    this(scheduler, false);
  }

  /**
   * Creates a layer.
   *
   * @param scheduler when lazy domains are flushed
   * @param forceDac whether PCI devices get addresses from the full range at once (CORE-186)
   */
  public SimpleDmaLayer(Scheduler scheduler, boolean forceDac) {
    this.scheduler = scheduler;
    this.forceDac = forceDac;
  }

  private static <K, V> Map<K, V> byIdentity() {
    return Collections.synchronizedMap(new IdentityHashMap<>());
  }

  @Override
  public void getCookie(PagingDomain domain) {
    DmaCookie present = cookies.putIfAbsent(domain, new DmaCookie(domain, scheduler));
    if (present != null) {
      throw new IommuException(Errno.EEXIST, "domain " + domain + " carries a DMA cookie already");
    }
  }

  @Override
  public void putCookie(PagingDomain domain) {
    DmaCookie cookie = cookies.remove(domain);
    if (cookie != null) {
      cookie.close();
    }
  }

  @Override
  public Outcome setupDevice(DevIommu device, PagingDomain domain) {
    DmaCookie cookie = cookieOf(domain);
    DeviceMapper mapper = mappers.get(device);
    if (mapper == null || mapper.cookie() != cookie) {
      teardownDevice(device);
      mapper = new DeviceMapper(device, cookie, forceDac);
    }
    Outcome outcome = cookie.setUp(device);
    mapper.refresh();
    mappers.put(device, mapper);
    return outcome;
  }

  private DmaCookie cookieOf(PagingDomain domain) {
    DmaCookie cookie = cookies.get(domain);
    if (cookie == null) {
      throw new IommuException(Errno.EINVAL, "domain " + domain + " carries no DMA cookie");
    }
    return cookie;
  }

  @Override
  public void teardownDevice(DevIommu device) {
    DeviceMapper mapper = mappers.remove(device);
    if (mapper != null) {
      mapper.retire();
    }
  }

  @Override
  public void startFlushQueue(PagingDomain domain) {
    cookieOf(domain).startFlushQueue();
  }

  @Override
  public void getMsiCookie(PagingDomain domain, long base) {
    MsiWindow window = new MsiWindow(base, CPU_PAGE);
    MsiPages pages = new MsiPages(domain, CPU_PAGE, window::take, window::giveBack);
    if (msiCookies.putIfAbsent(domain, pages) != null) {
      throw new IommuException(
          Errno.EEXIST,
          String.format("domain %s has an MSI window already, not at 0x%x", domain, base));
    }
  }

  @Override
  public void putMsiCookie(PagingDomain domain) {
    msiCookies.remove(domain);
  }

  @Override
  public void prepareMsi(DevIommu device, PagingDomain domain, long doorbell) {
    MsiPages consumers = msiCookies.get(domain);
    DmaCookie own = cookies.get(domain);
    if (consumers != null) {
      consumers.prepare(doorbell);
    } else if (own != null) {
      own.prepareMsi(doorbell);
    } else {
      throw new IommuException(
          Errno.EOPNOTSUPP,
          String.format(
              "no cookie for MSI doorbell 0x%x of device %s in domain %s",
              doorbell, device, domain));
    }
  }

  @Override
  public Optional<DmaMapper> mapperFor(DevIommu device) {
    DeviceMapper mapper = mappers.get(device);
    if (mapper != null && mapper.isUsable()) {
      return Optional.of(mapper);
    }
    if (device.group().snapshot().defaultDomain() instanceof IdentityDomain) {
      return Optional.of(new DirectMapper(device, mappers::containsKey));
    }
    return Optional.empty();
  }

  /** Ends all domains: no timer fires any more, mappers answer ENODEV. */
  @Override
  public void close() {
    List<DmaCookie> left;
    synchronized (cookies) {
      left = new ArrayList<>(cookies.values());
      cookies.clear();
    }
    left.forEach(DmaCookie::close);
    msiCookies.clear();
    mappers.clear();
  }
}
