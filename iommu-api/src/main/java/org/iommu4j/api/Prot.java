package org.iommu4j.api;

/**
 * Protection bits of a mapping; the core passes them to the driver unchecked (CORE-513).
 *
 * <pre>
 *  32          16    8           4      2      1
 *  privileged  MMIO  no-execute  cache  write  read
 * </pre>
 */
public final class Prot {
  /** The device may read. */
  @Mirrors("IOMMU_READ")
  public static final int READ = 1;

  /** The device may write. */
  @Mirrors("IOMMU_WRITE")
  public static final int WRITE = 2;

  /** The device may read and write. */
  public static final int RW = READ | WRITE;

  /** DMA is cache coherent. */
  @Mirrors("IOMMU_CACHE")
  public static final int CACHE = 4;

  /** The device may not fetch instructions. */
  @Mirrors("IOMMU_NOEXEC")
  public static final int NOEXEC = 8;

  /** The target is device memory, for example an MSI doorbell. */
  @Mirrors("IOMMU_MMIO")
  public static final int MMIO = 16;

  /** Only privileged transactions may use the mapping. */
  @Mirrors("IOMMU_PRIV")
  public static final int PRIV = 32;

  private Prot() {}
}
