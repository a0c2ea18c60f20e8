package org.iommu4j.api;

/** Constants of process address space ids (CORE-012). */
@Mirrors("ioasid_t")
public final class Pasid {
  /** No PASID: the ordinary DMA stream of a device. */
  @Mirrors("IOMMU_NO_PASID")
  public static final int NONE = 0;

  /** The first value of the global pool. */
  @Mirrors("IOMMU_FIRST_GLOBAL_PASID")
  public static final int FIRST_GLOBAL = 1;

  /** Not a PASID: all ones. */
  @Mirrors("IOMMU_PASID_INVALID")
  public static final int INVALID = -1;

  private Pasid() {}
}
