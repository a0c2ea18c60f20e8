package org.iommu4j.spi;

/**
 * A domain object that a driver shares between all its devices (CORE-168): identity, blocked or
 * platform. It must never fail to attach and is never freed.
 */
public interface StaticDomain extends DomainOps {
  /** What a static domain does. */
  enum Kind {
    /** DMA passes untranslated. */
    IDENTITY,
    /** DMA is blocked. */
    BLOCKED,
    /** The platform translates. */
    PLATFORM
  }

  /**
   * What this domain does.
   *
   * @return a constant
   */
  Kind kind();
}
