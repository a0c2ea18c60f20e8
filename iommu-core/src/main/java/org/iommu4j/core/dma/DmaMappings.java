package org.iommu4j.core.dma;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.jspecify.annotations.Nullable;

/**
 * The DMA mappings of one domain: pairs an address from the {@link IovaSpace} with a mapping in the
 * domain, and ends both in the right order. Thread-safe; takes no lock of its own.
 *
 * <pre>
 *  free --map--> mapped --unmap, strict--> invalidated ----------------------> free
 *                   '-----unmap, lazy----> queued --a flush that began later--> free
 * </pre>
 */
final class DmaMappings {
  private static final long LAST_BELOW_4G = (1L << 32) - 1;

  private final PagingDomain domain;
  private final IovaSpace space;

  /** DMA address to size, of everything mapped: an unmap wins its entry or is refused. */
  private final ConcurrentHashMap<Long, Long> sizes = new ConcurrentHashMap<>();

  DmaMappings(PagingDomain domain, IovaSpace space) {
    this.domain = domain;
    this.space = space;
  }

  /**
   * Maps whole pages around a range of physical memory (DMA-038).
   *
   * @param paddr first physical address
   * @param size bytes
   * @param prot protection bits
   * @param preferLow whether addresses below 4 GiB are tried first; cleared when that fails
   *     (CORE-048)
   * @return the DMA address, with the offset that the physical address has in its page
   * @throws IommuException EINVAL for no bytes or a range that wraps, ENOMEM without addresses,
   *     otherwise the domain's refusal
   */
  long map(long paddr, long size, int prot, AtomicBoolean preferLow) {
    if (size == 0 || Long.compareUnsigned(paddr + size - 1, paddr) < 0) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "cannot map physical address 0x%x, size 0x%x: it is empty or wraps", paddr, size));
    }
    long pages = space.pagesOf(paddr, size);
    long page = allocate(pages, preferLow);
    if (page == IovaSpace.NONE) {
      throw new IommuException(
          Errno.ENOMEM,
          String.format(
              "no addresses left in domain %s for physical address 0x%x, size 0x%x",
              domain, paddr, size));
    }
    long offset = space.offsetOf(paddr);
    try {
      domain.map(space.addressOf(page), paddr - offset, space.addressOf(pages), prot);
    } catch (IommuException failure) {
      // The failed map has unmapped and flushed what it had made: no need to queue (DMA-040).
      space.free(page, pages);
      throw failure;
    }
    long dmaAddress = space.addressOf(page) + offset;
    sizes.put(dmaAddress, size);
    return dmaAddress;
  }

  private long allocate(long pages, AtomicBoolean preferLow) {
    if (preferLow.get()) {
      long page = space.allocate(pages, LAST_BELOW_4G);
      if (page != IovaSpace.NONE) {
        return page;
      }
      preferLow.set(false);
    }
    return space.allocate(pages, Long.MAX_VALUE);
  }

  /**
   * Unmaps (DMA-042).
   *
   * @param dmaAddress from {@link #map}
   * @param size the size given there
   * @param lazy where to queue; null invalidates before it returns (FQ-019)
   * @throws IommuException EINVAL if there is no such mapping; EIO if the driver unmapped less or
   *     more than this mapping
   */
  void unmap(long dmaAddress, long size, @Nullable FlushQueue lazy) {
    if (!sizes.remove(dmaAddress, size)) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "cannot unmap dma address 0x%x, size 0x%x: domain %s has size 0x%x mapped there",
              dmaAddress, size, domain, sizes.getOrDefault(dmaAddress, 0L)));
    }
    IotlbGather gather = new IotlbGather();
    if (lazy != null) {
      gather.queue();
    }
    long page = space.pageOf(dmaAddress);
    long pages = space.pagesOf(dmaAddress, size);
    removeTranslations(page, pages, gather);
    if (lazy == null) {
      domain.iotlbSync(gather);
      space.free(page, pages);
    } else {
      lazy.add(page, pages, tablesOf(gather, page, pages));
    }
  }

  /**
   * Linux warns about a wrong count and reuses the addresses. Here they stay out of use: part of
   * the old mapping may still stand, and whoever got the addresses next would reach it.
   */
  private void removeTranslations(long page, long pages, IotlbGather gather) {
    long iova = space.addressOf(page);
    long asked = space.addressOf(pages);
    long unmapped = domain.unmapFast(iova, asked, gather);
    if (unmapped != asked) {
      gather.addRange(iova, asked);
      domain.iotlbSync(gather);
      throw new IommuException(
          Errno.EIO,
          String.format(
              "domain %s unmapped 0x%x bytes at 0x%x, not 0x%x; the addresses stay out of use",
              domain, unmapped, iova, asked));
    }
  }

  /** The gather, widened to what was unmapped, if it holds table pages that must wait too. */
  private @Nullable IotlbGather tablesOf(IotlbGather gather, long page, long pages) {
    if (gather.freedCount() == 0) {
      return null;
    }
    gather.addRange(space.addressOf(page), space.addressOf(pages));
    return gather;
  }
}
