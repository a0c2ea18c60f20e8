package org.iommu4j.testkit;

import org.iommu4j.api.FaultAccess;

/**
 * One refused DMA.
 *
 * @param streamId the number by which the hardware knows the device
 * @param pasid 0 for none
 * @param iova the address as the device saw it
 * @param access the direction
 * @param reason why it was refused
 */
public record FaultRecord(
    int streamId, int pasid, long iova, FaultAccess access, FaultReason reason) {
  @Override
  public String toString() {
    return String.format(
        "%s of iova 0x%x by stream 0x%x, PASID 0x%x: %s", access, iova, streamId, pasid, reason);
  }
}
