package org.iommu4j.testkit;

import org.iommu4j.api.FaultAccess;

/**
 * One access on its way into the SoftIOMMU: a part of one aligned word.
 *
 * @param streamId who
 * @param pasid under which PASID, 0 for none
 * @param iova the address
 * @param access the direction
 * @param transfer whether data move; otherwise only the physical address is asked for
 * @param value what to write, in place within the aligned word
 * @param mask which bits of that word to write
 */
record SoftRequest(
    int streamId,
    int pasid,
    long iova,
    FaultAccess access,
    boolean transfer,
    long value,
    long mask) {
  private static final long WINDOW_FIRST = 0xfee0_0000L;
  private static final long WINDOW_LAST = 0xfeef_ffffL;

  /** Whether it is for the interrupt controller and not for memory (HARDWARE.md, section 6). */
  boolean inInterruptWindow() {
    return pasid == 0 && iova >= WINDOW_FIRST && iova <= WINDOW_LAST;
  }

  FaultRecord refused(FaultReason reason) {
    return new FaultRecord(streamId, pasid, iova, access, reason);
  }
}
