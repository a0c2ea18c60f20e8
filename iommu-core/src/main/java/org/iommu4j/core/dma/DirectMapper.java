package org.iommu4j.core.dma;

import java.util.function.Predicate;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** The DMA API of a device whose default domain is an identity domain: there is nothing to do. */
final class DirectMapper implements DmaMapper {
  private final DevIommu device;
  private final Predicate<DevIommu> translated;

  /**
   * Creates a mapper.
   *
   * @param device the device
   * @param translated whether a device's DMA is translated by now
   */
  DirectMapper(DevIommu device, Predicate<DevIommu> translated) {
    this.device = device;
    this.translated = translated;
  }

  @Override
  public long map(long paddr, long size, int prot) {
    require("map physical address", paddr, size);
    return paddr;
  }

  @Override
  public void unmap(long dmaAddress, long size) {
    require("unmap dma address", dmaAddress, size);
  }

  private void require(String operation, long address, long size) {
    if (size == 0 || Long.compareUnsigned(address + size - 1, address) < 0) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "cannot %s 0x%x, size 0x%x: it is empty or wraps", operation, address, size));
    }
    device.group(); // A dead device answers ENODEV.
    if (translated.test(device)) {
      throw new IommuException(
          Errno.ENODEV,
          String.format(
              "cannot %s 0x%x, size 0x%x: DMA of device %s is translated by now",
              operation, address, size, device));
    }
  }
}
