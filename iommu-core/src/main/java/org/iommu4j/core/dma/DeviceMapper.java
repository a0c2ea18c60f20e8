package org.iommu4j.core.dma;

import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;

/** The DMA API of one device in one default domain that translates. */
final class DeviceMapper implements DmaMapper {
  private final DevIommu device;
  private final DmaCookie cookie;
  private final boolean forceDac;

  /** Whether addresses below 4 GiB are tried first: for PCI devices until that fails (CORE-048). */
  private final AtomicBoolean preferLow = new AtomicBoolean();

  private volatile boolean retired;

  DeviceMapper(DevIommu device, DmaCookie cookie, boolean forceDac) {
    this.device = device;
    this.cookie = cookie;
    this.forceDac = forceDac;
    refresh();
  }

  DmaCookie cookie() {
    return cookie;
  }

  /** The device was set up once more: prefer low addresses again (DMA-005). */
  void refresh() {
    preferLow.set(device.device() instanceof PciDevice && !forceDac);
  }

  /** The device has left the domain: nothing new is mapped, what is mapped can be unmapped. */
  void retire() {
    retired = true;
  }

  boolean isUsable() {
    return !retired && !cookie.isDead();
  }

  @Override
  public long map(long paddr, long size, int prot) {
    if (retired) {
      throw new IommuException(
          Errno.ENODEV,
          String.format(
              "cannot map physical address 0x%x, size 0x%x: device %s has left the domain",
              paddr, size, device));
    }
    return cookie.map(paddr, size, prot, preferLow);
  }

  @Override
  public void unmap(long dmaAddress, long size) {
    cookie.unmap(dmaAddress, size);
  }
}
