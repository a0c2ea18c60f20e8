package org.iommu4j.testkit;

import org.iommu4j.api.Device;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.PagingDomain;
import org.jspecify.annotations.Nullable;

/**
 * The DMA of one device as its driver does it: lend memory, let the device access it, take it back;
 * with {@link DmaWatch} looking on. Thread-safe.
 *
 * <p>As its {@link DmaMapper} it belongs to the default domain that the device has now: after a
 * change of that domain, ask {@link FakeMachine#dma} again.
 */
public final class WatchedDma implements DmaMapper {
  private final Device device;
  private final DmaMapper mapper;
  private final DmaEngine engine;
  private final @Nullable PagingDomain domain;
  private final DmaWatch watch;

  WatchedDma(
      Device device,
      DmaMapper mapper,
      DmaEngine engine,
      @Nullable PagingDomain domain,
      DmaWatch watch) {
    this.device = device;
    this.mapper = mapper;
    this.engine = engine;
    this.domain = domain;
    this.watch = watch;
  }

  /**
   * Whose DMA it is.
   *
   * @return the device
   */
  public Device device() {
    return device;
  }

  @Override
  public long map(long paddr, long size, int prot) {
    long iova = mapper.map(paddr, size, prot);
    watch.lent(domain, iova, size);
    return iova;
  }

  @Override
  public void unmap(long dmaAddress, long size) {
    watch.ending(domain, dmaAddress, size);
    mapper.unmap(dmaAddress, size);
    watch.ended(domain, dmaAddress, size);
  }

  /**
   * Lets the device read 64 bits.
   *
   * @param iova address as the device sees it
   * @return what lies there
   * @throws DmaFault if the access is refused
   */
  public long read(long iova) {
    return watch.during(device, domain, iova, () -> engine.read(iova));
  }

  /**
   * Lets the device write 64 bits.
   *
   * @param iova address as the device sees it
   * @param value the new value
   * @throws DmaFault if the access is refused
   */
  public void write(long iova, long value) {
    var unused =
        watch.during(
            device,
            domain,
            iova,
            () -> {
              engine.write(iova, value);
              return value;
            });
  }

  @Override
  public String toString() {
    return "DMA of " + device + " in " + domain;
  }
}
