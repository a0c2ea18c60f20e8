package org.iommu4j.api;

/**
 * The DMA API of one device: lends it memory under DMA addresses that its default domain
 * translates. Thread-safe; takes no core lock.
 *
 * <p>It belongs to the default domain the device had when it was handed out, and follows a live
 * switch of that domain: an unmap in a strict domain is complete when it returns, while one in a
 * lazy domain may leave the device access to the old memory until the next flush (FQ-018). In both
 * an address is never handed out again before the hardware has forgotten it (FQ-016). Once the
 * default domain has changed or the device is gone, ask for a new mapper.
 */
public interface DmaMapper {
  /**
   * Makes memory reachable for the device.
   *
   * <p>Whole pages of the domain become reachable, as many as the memory touches; the DMA address
   * keeps the offset of the memory within its page (DMA-038).
   *
   * @param paddr first physical address, aligned or not
   * @param size bytes, at least 1
   * @param prot {@link Prot} bits
   * @return the DMA address of the first byte
   * @throws IommuException EINVAL for no bytes or a range that wraps; ENOMEM if no address is free;
   *     ENODEV if the device has left the domain or the domain was freed; otherwise the error of
   *     {@link PagingDomain#map}. Nothing stays mapped.
   */
  long map(long paddr, long size, int prot);

  /**
   * Takes the memory away from the device again.
   *
   * @param dmaAddress from {@link #map}
   * @param size the size given there
   * @throws IommuException EINVAL unless exactly this address and size are mapped, and then nothing
   *     changes; ENODEV if the domain was freed; EIO if the driver did not unmap what it had
   *     mapped, and then the address is never handed out again
   */
  void unmap(long dmaAddress, long size);
}
