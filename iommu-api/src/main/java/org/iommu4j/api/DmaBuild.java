package org.iommu4j.api;

/**
 * With which support for the DMA API a kernel is built. A fact of the build, which decides the
 * default domains that are possible.
 */
public enum DmaBuild {
  /** The generic DMA layer over IOMMU domains, as on x86-64 and 64-bit ARM. */
  GENERIC,

  /**
   * No such layer: nobody could use a DMA domain, so a device without a wish of its driver's gets
   * an identity domain, and a wish for DMA is refused (CORE-153).
   */
  NONE,

  /**
   * The old glue of 32-bit ARM instead, which makes its own domains: as {@link #NONE}, but identity
   * is what every group starts from (CORE-152). Devices that are not trusted are refused.
   */
  ARM_GLUE
}
