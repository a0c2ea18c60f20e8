package org.iommu4j.api;

import java.util.Locale;

/** A message of the core that tools and tests can recognise. */
public enum CoreMessage {
  /** The wanted default domain could not be made; DMA is used instead (CORE-162). */
  FALLBACK_TO_DMA,
  /** Two members want different default domains (CORE-151). */
  CONFLICTING_WISHES,
  /** A driver wants an untrusted device to be anything but translated (CORE-154). */
  UNTRUSTED_REFUSED,
  /** Direct regions could not be mapped at first; once per core (CORE-173). */
  DIRECT_MAPPING_FAILED,
  /** A device with direct regions cannot be blocked (CORE-423). */
  DIRECT_REQUIRED,
  /** Another parked device shares the requester id (CORE-909). */
  DMA_ALIAS_BLOCKED,
  /** A map or unmap was not aligned to the smallest page (CORE-502). */
  UNALIGNED,
  /** The DMA layer could not be set up for a device (CORE-179). */
  DMA_SETUP_FAILED,
  /** A device joined a group (CORE-036). */
  ADD_TO_GROUP,
  /** A device is removed from a group by name (CORE-622). */
  REMOVE_FROM_GROUP,
  /** A device could not be published in its group (CORE-038). */
  ADD_FAILED,
  /** Memory encryption turned pass-through off (CORE-184). */
  MEMORY_ENCRYPTION,
  /** The default domain type at start (CORE-188). */
  DEFAULT_DOMAIN_TYPE,
  /** The invalidation policy at start (CORE-188). */
  INVALIDATION_POLICY;

  /**
   * The stable name in traces.
   *
   * @return lower case with dashes
   */
  public String token() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
