package org.iommu4j.spi;

import java.util.Optional;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.PagingDomain;

/**
 * The layer that turns default domains into a DMA API: what the core calls when such domains come,
 * go and change.
 *
 * <p>Methods run with the group lock held unless said otherwise. They may ask the device for its
 * reserved regions and capabilities and map into the domain; they must not call operations that
 * take the group lock.
 */
public interface DmaLayer extends AutoCloseable {
  /** Whether a domain became what was asked for. */
  enum Outcome {
    /** It did. */
    AS_REQUESTED,
    /** A lazy domain could not get a flush queue and is strict from now on (CORE-181). */
    DOWNGRADED
  }

  /**
   * Prepares a new default domain, before anything is mapped or attached (CORE-463).
   *
   * @param domain of type DMA or DMA_FQ
   * @throws IommuException ENOMEM, or ENODEV without a DMA layer
   */
  @Mirrors({"iommu_get_dma_cookie", "iommu_domain.iova_cookie"})
  void getCookie(PagingDomain domain);

  /**
   * Frees everything held for a domain; pending entries of its queue are freed without a further
   * flush (CORE-548). May run without the group lock.
   *
   * @param domain a domain given to {@link #getCookie}
   */
  @Mirrors("iommu_put_dma_cookie")
  void putCookie(PagingDomain domain);

  /**
   * Makes a device use a domain (CORE-179, 180). Asks {@code capable(DEFERRED_FLUSH)} and reserved
   * regions at the first set-up of a domain only.
   *
   * @param device the device
   * @param domain its default domain
   * @return whether the domain stays lazy, if it was meant to be
   * @throws IommuException EFAULT if device and domain do not fit; the device then does DMA without
   *     this layer
   */
  @Mirrors("iommu_setup_dma_ops")
  Outcome setupDevice(DevIommu device, PagingDomain domain);

  /**
   * A device no longer uses the DMA layer.
   *
   * @param device the device
   */
  void teardownDevice(DevIommu device);

  /**
   * Gives a live, strict domain a flush queue; the queue must be complete on return, because the
   * core publishes the new type afterwards (CORE-213). Succeeds if there is one already.
   *
   * @param domain a domain of type DMA, possibly under traffic
   * @throws IommuException ENOMEM, or EOPNOTSUPP if the driver cannot flush everything
   */
  @Mirrors("iommu_dma_init_fq")
  void startFlushQueue(PagingDomain domain);

  /**
   * Reserves a window for MSI doorbells in a consumer's domain (CORE-464). Runs without the group
   * lock.
   *
   * @param domain of type UNMANAGED
   * @param base first address of the window
   * @throws IommuException ENOMEM
   */
  @Mirrors({"iommu_get_msi_cookie", "iommu_domain.msi_cookie"})
  void getMsiCookie(PagingDomain domain, long base);

  /**
   * Frees what {@link #getMsiCookie} made. May run without the group lock.
   *
   * @param domain the domain
   */
  @Mirrors("iommu_put_msi_cookie")
  void putMsiCookie(PagingDomain domain);

  /**
   * Makes an MSI doorbell reachable in a domain with a DMA or MSI cookie (CORE-467).
   *
   * @param device the device that will signal
   * @param domain the domain it is on
   * @param doorbell physical address
   * @throws IommuException ENOMEM if it cannot be mapped
   */
  @Mirrors("iommu_dma_sw_msi")
  void prepareMsi(DevIommu device, PagingDomain domain, long doorbell);

  /**
   * The DMA API of a device. Runs without the group lock, which it may take.
   *
   * @param device a device of this core
   * @return empty if this layer offers none, or none for this device: its default domain is neither
   *     an identity domain nor a DMA domain that the device was set up with
   * @throws IommuException ENODEV if the device is gone
   */
  default Optional<DmaMapper> mapperFor(DevIommu device) {
    return Optional.empty();
  }

  /** Stops whatever runs for this layer. Called when the core closes. */
  @Override
  default void close() {}
}
