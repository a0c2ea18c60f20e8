package org.iommu4j.testkit;

import org.iommu4j.api.FaultAccess;

/**
 * One translation as an IOTLB keeps it: a whole page of a domain.
 *
 * @param domain the domain's number in hardware
 * @param first first input address of the page
 * @param last last input address of the page, inclusive
 * @param physical physical address of the page
 * @param readable whether reads are allowed
 * @param writable whether writes are allowed
 * @param marked whether the page is known to be marked as written, so that a write needs no mark
 */
record Translation(
    int domain,
    long first,
    long last,
    long physical,
    boolean readable,
    boolean writable,
    boolean marked) {
  boolean covers(int otherDomain, long iova) {
    return domain == otherDomain
        && Long.compareUnsigned(first, iova) <= 0
        && Long.compareUnsigned(iova, last) <= 0;
  }

  boolean overlaps(long otherFirst, long otherLast) {
    return Long.compareUnsigned(first, otherLast) <= 0
        && Long.compareUnsigned(otherFirst, last) <= 0;
  }

  boolean samePage(Translation other) {
    return domain == other.domain && first == other.first && last == other.last;
  }

  /** Whether it answers an access by itself: a write to an unmarked page must go to the tables. */
  boolean serves(FaultAccess access) {
    return access == FaultAccess.READ ? readable : writable && marked;
  }

  long physicalOf(long iova) {
    return physical + (iova - first);
  }
}
