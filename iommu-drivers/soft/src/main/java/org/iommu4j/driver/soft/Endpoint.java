package org.iommu4j.driver.soft;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Pasid;
import org.iommu4j.spi.PhysicalMemory;

/**
 * One device as this driver knows it, from probe to release: its stream id and its entries in
 * memory. The core calls {@link #set} for one device under its group lock, so never twice at a
 * time.
 *
 * <p>A device with PASIDs gets a PASID table at once, so that the way its ordinary DMA is
 * configured never changes: entry 0 of that table takes the place of the device entry.
 */
final class Endpoint {
  private final SoftIommu iommu;
  private final int streamId;
  private final int pasids;
  private final long deviceEntry;
  private final long pasidTable;

  /**
   * Starts to drive a device, with all its DMA blocked.
   *
   * @param streamId claimed for it
   * @param pasids how many PASIDs device and hardware support, 0 for none
   */
  Endpoint(SoftIommu iommu, int streamId, int pasids) {
    this.iommu = iommu;
    this.streamId = streamId;
    this.pasids = pasids;
    this.deviceEntry = iommu.devices().entryOf(streamId);
    this.pasidTable = pasids == 0 ? 0 : iommu.memory().allocatePage();
    publish(deviceEntry, pasids == 0 ? DeviceEntry.BLOCKED : DeviceEntry.pasids(pasidTable));
  }

  /** What a probe left for this device; EINVAL if it was the probe of another instance. */
  static Endpoint of(DevIommu device, SoftIommu iommu) {
    if (device.priv() instanceof Endpoint endpoint && endpoint.iommu == iommu) {
      return endpoint;
    }
    throw new IommuException(
        Errno.EINVAL, "device " + device.device() + " is not behind " + iommu.instance().name());
  }

  int streamId() {
    return streamId;
  }

  /**
   * Changes what happens to the DMA of one PASID; complete on return.
   *
   * @param pasid 0 for DMA without PASID
   * @param entry a word of {@link DeviceEntry}
   * @throws IommuException EINVAL for a PASID that the device does not have; nothing has changed
   */
  void set(int pasid, long entry) {
    if (pasid != Pasid.NONE && (pasid < 0 || pasid >= pasids)) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("PASID 0x%x of stream 0x%x: it has 0x%x", pasid, streamId, pasids));
    }
    publish(pasids == 0 ? deviceEntry : pasidTable + (long) pasid * Long.BYTES, entry);
  }

  /** Stops all DMA and gives everything back. */
  void close() {
    iommu.devices().release(streamId);
    if (pasidTable != 0) {
      iommu.memory().freePage(pasidTable);
    }
  }

  /** An entry is one word: the hardware sees the old one or the new one, never a mixture. */
  private void publish(long address, long entry) {
    PhysicalMemory memory = iommu.memory();
    long old = memory.read(address);
    memory.writeRelease(address, entry);
    try {
      iommu.registers().invalidateDevice(streamId);
    } catch (IommuException failure) {
      memory.writeRelease(address, old);
      throw failure;
    }
  }

  @Override
  public String toString() {
    return String.format("stream 0x%x", streamId);
  }
}
