package org.iommu4j.testkit;

import org.iommu4j.api.FaultAccess;

/**
 * A DMA for which the hardware used something cached that tables in memory no longer say.
 *
 * <p>That alone is no error: between an unmap and its invalidation hardware may do so, and in lazy
 * mode that is a long time (FQ-018). It is one if the invalidation has returned (strict), or if the
 * address belongs to somebody else already (FQ-016): the observer knows, the hardware does not.
 *
 * @param streamId the number by which the hardware knows the device
 * @param pasid 0 for none
 * @param iova the address as the device saw it
 * @param access the direction
 * @param cached where the access went, {@link #NOWHERE} if it was refused
 * @param walked where tables would have sent it, {@link #NOWHERE} if they refuse it
 */
public record StaleAccess(
    int streamId, int pasid, long iova, FaultAccess access, long cached, long walked) {
  /** In place of a physical address: the access is refused. */
  public static final long NOWHERE = -1;

  @Override
  public String toString() {
    return String.format(
        "stale %s of iova 0x%x by stream 0x%x, PASID 0x%x: cached %s, tables say %s",
        access, iova, streamId, pasid, address(cached), address(walked));
  }

  private static String address(long physical) {
    return physical == NOWHERE ? "refused" : "0x" + Long.toHexString(physical);
  }
}
