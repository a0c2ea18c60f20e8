package org.iommu4j.driver.soft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Pasid;
import org.iommu4j.pgtable.PageTableDomain;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.DomainOp;
import org.jspecify.annotations.Nullable;

/**
 * A translating domain: a page table, and the number under which the hardware caches what it reads
 * there. Thread-safe.
 *
 * <p>Mapping, unmapping and when tables are freed are the affair of {@link PageTableDomain}; here
 * stands how devices are pointed to the table and which commands make the hardware forget. A map
 * needs no command, because this hardware does not cache the absence of a mapping.
 */
final class SoftDomain extends PageTableDomain {
  private final SoftIommu iommu;
  private final int id;
  private final @Nullable DirtyOps dirtyOps;

  private SoftDomain(SoftIommu iommu, int id, boolean tracksDirty) {
    super(new SoftFormat(tracksDirty), iommu.memory(), DomainOp.SET_DEV_PASID);
    this.iommu = iommu;
    this.id = id;
    this.dirtyOps = tracksDirty ? new DirtyTracking() : null;
  }

  /**
   * Creates an empty domain.
   *
   * @throws IommuException ENOSPC or ENOMEM
   */
  static SoftDomain create(SoftIommu iommu, boolean tracksDirty) {
    int id = iommu.domainIds().take();
    try {
      return new SoftDomain(iommu, id, tracksDirty);
    } catch (IommuException noMemory) {
      iommu.domainIds().giveBack(id);
      throw noMemory;
    }
  }

  @Override
  public @Nullable DirtyOps dirtyOps() {
    return dirtyOps;
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    setDevPasid(self, device, Pasid.NONE, old);
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    Endpoint.of(device, iommu).set(pasid, DeviceEntry.translate(id, table().root()));
  }

  @Override
  protected void invalidateRange(IotlbGather gather) {
    iommu.registers().invalidateRange(id, gather.start(), gather.end());
  }

  @Override
  protected void invalidateAll() {
    iommu.registers().invalidateDomain(id);
  }

  @Override
  public void free(Domain self) {
    super.free(self);
    iommu.domainIds().giveBack(id);
  }

  @Override
  public String toString() {
    return iommu.instance().name() + "." + id;
  }

  /** The marks are in the leaves, where the hardware makes them whether anybody asked or not. */
  private final class DirtyTracking implements DirtyOps {
    @GuardedBy("this")
    private boolean enabled;

    @Override
    public synchronized void setDirtyTracking(boolean enable) {
      if (enable && !enabled) {
        var unread = new DirtyBitmap(0, 12, null, null);
        SoftDomain.this.readAndClearDirty(0, geometry().apertureEnd() + 1, false, unread);
        // The hardware does not mark a page again that it remembers as marked.
        invalidateAll();
      }
      enabled = enable;
    }

    @Override
    public synchronized void readAndClearDirty(
        long iova, long size, boolean noClear, DirtyBitmap dirty) {
      if (!enabled && !noClear) {
        throw new IommuException(
            Errno.EINVAL,
            String.format(
                "cannot clear marks of iova 0x%x+0x%x: %s does not track dirty pages now",
                iova, size, SoftDomain.this));
      }
      SoftDomain.this.readAndClearDirty(iova, size, noClear, dirty);
    }
  }
}
