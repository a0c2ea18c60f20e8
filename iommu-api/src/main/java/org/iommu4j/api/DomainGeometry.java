package org.iommu4j.api;

/**
 * The addresses a domain can translate (CORE-560); {@code map} does not enforce it.
 *
 * @param apertureStart first address
 * @param apertureEnd last address, inclusive
 * @param forceAperture whether DMA outside the aperture is blocked rather than passed through
 */
@Mirrors({"iommu_domain_geometry", "iommu_domain.geometry"})
public record DomainGeometry(
    @Mirrors("iommu_domain_geometry.aperture_start") long apertureStart,
    @Mirrors("iommu_domain_geometry.aperture_end") long apertureEnd,
    @Mirrors("iommu_domain_geometry.force_aperture") boolean forceAperture) {
  /** The whole 64-bit space. */
  public static final DomainGeometry FULL = new DomainGeometry(0, -1L, true);

  /**
   * Addresses from zero.
   *
   * @param bits width of the address, 1 to 64
   * @return a forced aperture from 0 to 2<sup>bits</sup> - 1
   */
  public static DomainGeometry ofBits(int bits) {
    if (bits < 1 || bits > Long.SIZE) {
      throw new IllegalArgumentException("address width " + bits + " is not within 1..64");
    }
    return new DomainGeometry(0, -1L >>> (Long.SIZE - bits), true);
  }
}
