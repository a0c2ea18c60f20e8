package org.iommu4j.api;

/** A wish for a new paging domain (CORE-164, CORE-555). */
public enum AllocFlag {
  /** The domain must be usable on devices that also use PASIDs. */
  PASID,
  /** The domain must be able to track dirty pages. */
  DIRTY
}
