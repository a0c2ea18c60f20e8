package org.iommu4j.core.domain;

import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Gfp;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
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

  /** A paging domain, or the refusal for any other. */
  public static PagingDomain unmanaged(Domain domain, String operation) {
    if (domain instanceof PagingDomain paging) {
      return paging;
    }
    throw new IommuException(
        Errno.EINVAL, "cannot " + operation + ": domain " + domain + " is not unmanaged");
  }
}
