package org.iommu4j.api;

import org.iommu4j.spi.DomainOps;

/**
 * What the DMA of a device or of one of its PASIDs goes through.
 *
 * <p>A core makes the objects; one object is one domain, so domains compare by identity. "Is the
 * blocking domain of a group" is identity too: a driver without a blocking domain gets an empty
 * {@link PagingDomain} for that purpose (CORE-319). Thread-safe.
 */
@Mirrors("iommu_domain")
public sealed interface Domain permits BlockedDomain, IdentityDomain, PlatformDomain, PagingDomain {
  /**
   * What the domain is for, at this moment: a live switch turns DMA into DMA_FQ (CORE-210).
   *
   * @return the type
   */
  @Mirrors("iommu_domain.type")
  DomainType type();

  /**
   * The driver's side of the domain; for drivers, not for consumers.
   *
   * @return the object the driver supplied
   */
  @Mirrors("iommu_domain.ops")
  DomainOps ops();

  /**
   * Translates an address (CORE-550): the address itself for identity, 0 for blocked, the driver's
   * walk for everything else. A walk never shows what hardware has cached. Takes no lock.
   *
   * @param iova an address
   * @return the physical address; 0 means not mapped and is ambiguous for physical address 0
   */
  @Mirrors("iommu_iova_to_phys")
  long iovaToPhys(long iova);

  /**
   * Whether the DMA layer manages this domain.
   *
   * @return true for DMA and DMA_FQ
   */
  @Mirrors("iommu_is_dma_domain")
  default boolean isDma() {
    return type().isDma();
  }
}
