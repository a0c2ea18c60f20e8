package org.iommu4j.core.group;

import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.PagingDomainImpl;
import org.jspecify.annotations.Nullable;

/** Maps the regions that firmware wants one-to-one into a default domain (CORE-190 to 193). */
final class DirectMappings {
  private final PagingDomainImpl domain;
  private final long page;

  private DirectMappings(PagingDomainImpl domain) {
    this.domain = domain;
    this.page = Long.lowestOneBit(domain.pageSizes());
  }

  /**
   * Maps the regions of one device, or, for a domain the DMA layer does not manage, only notes
   * whether the device requires direct mappings.
   *
   * @return null on success; what was mapped before a failure stays
   */
  static @Nullable IommuException create(
      GroupServices services, CoreDomain domain, DevIommuImpl device) {
    DirectMappings mappings = null;
    if (domain instanceof PagingDomainImpl paging && paging.type().isDma()) {
      if (paging.pageSizes() == 0) {
        services
            .trace()
            .violationOnce(1015, "dma-domain-without-page-size", "direct", "domain " + domain);
        return new IommuException(
            Errno.EINVAL, "domain " + domain + " has no page sizes for device " + device);
      }
      mappings = new DirectMappings(paging);
    }
    List<ResvRegion> regions = device.reservedRegions();
    try {
      for (ResvRegion region : regions) {
        if (region.type() == ResvType.DIRECT) {
          device.setRequireDirect();
        }
        if (mappings != null && isDirect(region)) {
          mappings.map(region);
        }
      }
      return null;
    } catch (IommuException failure) {
      return failure;
    } finally {
      device.releaseRegions(regions);
    }
  }

  private static boolean isDirect(ResvRegion region) {
    return region.type() == ResvType.DIRECT || region.type() == ResvType.DIRECT_RELAXABLE;
  }

  /**
   * Maps each run of pages that do not translate yet with one call. Start and end are both rounded
   * up, so a partial first page is dropped (CORE-191).
   */
  private void map(ResvRegion region) {
    long end = roundUp(region.start() + region.length());
    long runStart = 0;
    long run = 0;
    for (long at = roundUp(region.start()); Long.compareUnsigned(at, end) < 0; at += page) {
      if (isMapped(at)) {
        flush(runStart, run, region);
        run = 0;
      } else {
        runStart = run == 0 ? at : runStart;
        run += page;
      }
    }
    flush(runStart, run, region);
  }

  private void flush(long start, long size, ResvRegion region) {
    if (size != 0) {
      domain.map(start, start, size, region.prot());
    }
  }

  /** A zero answer at address 0 could be its translation, so address 1 is probed (CORE-192). */
  private boolean isMapped(long iova) {
    return domain.iovaToPhys(iova == 0 ? 1 : iova) != 0;
  }

  private long roundUp(long address) {
    return (address + page - 1) & -page;
  }
}
