package org.iommu4j.api;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One reserved address range of a device (CORE-701). Immutable. */
@Mirrors({"iommu_resv_region", "iommu_alloc_resv_region"})
public final class ResvRegion {
  private final long start;
  private final long length;
  private final int prot;
  private final ResvType type;
  private final @Nullable Consumer<Device> free;

  private ResvRegion(
      long start, long length, int prot, ResvType type, @Nullable Consumer<Device> free) {
    this.start = start;
    this.length = length;
    this.prot = prot;
    this.type = type;
    this.free = free;
  }

  /**
   * Describes a region that needs no clean-up.
   *
   * @param start first address
   * @param length bytes; zero is not rejected
   * @param prot {@link Prot} bits for a direct mapping
   * @param type why it is reserved
   * @return the region
   */
  public static ResvRegion of(long start, long length, int prot, ResvType type) {
    return new ResvRegion(start, length, prot, type, null);
  }

  /**
   * The same region with a callback that runs when the core gives it back (CORE-703).
   *
   * @param callback gets the device the region was reported for
   * @return a new region
   */
  @Mirrors("iommu_resv_region.free")
  public ResvRegion withFree(Consumer<Device> callback) {
    return new ResvRegion(start, length, prot, type, callback);
  }

  /**
   * The first address.
   *
   * @return an unsigned address
   */
  @Mirrors("iommu_resv_region.start")
  public long start() {
    return start;
  }

  /**
   * The size.
   *
   * @return bytes
   */
  @Mirrors("iommu_resv_region.length")
  public long length() {
    return length;
  }

  /**
   * The last address, which is meaningless for a region of length zero.
   *
   * @return an unsigned, inclusive address
   */
  public long last() {
    return start + length - 1;
  }

  /**
   * The protection of a direct mapping of this region.
   *
   * @return {@link Prot} bits
   */
  @Mirrors("iommu_resv_region.prot")
  public int prot() {
    return prot;
  }

  /**
   * Why the range is reserved.
   *
   * @return the type
   */
  @Mirrors("iommu_resv_region.type")
  public ResvType type() {
    return type;
  }

  /**
   * Gives the region back to whoever made it: runs the callback, if there is one.
   *
   * @param device the device the region was reported for
   */
  @Mirrors("iommu_put_resv_regions")
  public void release(Device device) {
    if (free != null) {
      free.accept(device);
    }
  }

  @Override
  public String toString() {
    return String.format("0x%016x 0x%016x %s", start, last(), type.sysfsName());
  }
}
