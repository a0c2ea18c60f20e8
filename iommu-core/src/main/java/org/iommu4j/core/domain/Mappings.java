package org.iommu4j.core.domain;

import java.util.List;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Gfp;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.SgSegment;
import org.iommu4j.core.trace.CoreTrace;
import org.jspecify.annotations.Nullable;

/** The checks of mirror calls that accept any domain but need one with mappings. */
public final class Mappings {
  private Mappings() {}

  /** The domain to map into, or the refusal of CORE-500. */
  public static PagingDomain paging(
      CoreTrace trace, Domain domain, String operation, long iova, long size, Gfp gfp) {
    if (domain instanceof PagingDomain paging && gfp.ordinary()) {
      return paging;
    }
    throw PagingDomainImpl.badDomain(trace, operation, domain, iova, size);
  }

  /** The domain to unmap from, or null after recording the violation of CORE-531. */
  public static @Nullable PagingDomain pagingOrNull(
      CoreTrace trace, Domain domain, String operation, long iova, long size) {
    if (domain instanceof PagingDomain paging) {
      return paging;
    }
    PagingDomainImpl.badDomain(trace, operation, domain, iova, size);
    return null;
  }

  /**
   * Maps a list into any domain (CORE-520). A domain without mappings fails at the first run, and
   * undoing nothing is a violation of its own there.
   */
  public static long mapSg(
      CoreTrace trace, Domain domain, long iova, List<SgSegment> segments, int prot) {
    if (domain instanceof PagingDomain paging) {
      return paging.mapSg(iova, segments, prot);
    }
    PagingDomainImpl.requireSegments(iova, segments);
    try {
      return SgRuns.forEach(
          segments,
          (offset, start, length) -> {
            throw PagingDomainImpl.badDomain(trace, "map", domain, iova + offset, length);
          });
    } catch (IommuException failure) {
      var unused = PagingDomainImpl.badDomain(trace, "unmap", domain, iova, 0);
      throw failure;
    }
  }

  /** A paging domain, or the refusal for any other. */
  public static PagingDomain unmanaged(Domain domain, String operation) {
    if (domain instanceof PagingDomain paging) {
      return paging;
    }
    throw new IommuException(
        Errno.EINVAL, "cannot " + operation + ": domain " + domain + " is not unmanaged");
  }
}
