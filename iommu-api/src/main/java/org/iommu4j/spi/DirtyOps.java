package org.iommu4j.spi;

import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;

/** Dirty tracking of a paging domain (CORE-555). Called under no core lock. */
@Mirrors({"iommu_dirty_ops", "iommu_domain.dirty_ops"})
public interface DirtyOps {
  /**
   * Switches tracking on or off; repeating the present state succeeds.
   *
   * @param enable the new state
   * @throws IommuException if the hardware refuses
   */
  @Mirrors("iommu_dirty_ops.set_dirty_tracking")
  void setDirtyTracking(boolean enable);

  /**
   * Reports which pages of a range were written, and clears the marks unless told not to.
   *
   * @param iova first address
   * @param size bytes
   * @param noClear keep the marks
   * @param dirty where to record
   * @throws IommuException EINVAL if tracking is off and marks would be cleared
   */
  @Mirrors({"iommu_dirty_ops.read_and_clear_dirty", "IOMMU_DIRTY_NO_CLEAR"})
  void readAndClearDirty(long iova, long size, boolean noClear, DirtyBitmap dirty);
}
