package org.iommu4j.driver.soft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Pasid;
import org.iommu4j.api.Prot;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.jspecify.annotations.Nullable;

/**
 * A translating domain: a page table, and the number under which the hardware caches what it reads
 * there. Thread-safe.
 *
 * <p>A map needs no invalidation, because this hardware does not cache the absence of a mapping. An
 * unmap takes effect in the tables at once and in the hardware when it is invalidated: with {@link
 * #iotlbSync} for what one gather collected, or with {@link #flushIotlbAll} for everything unmapped
 * before it. The pages of emptied tables go back to memory after that, never earlier.
 */
final class SoftDomain implements PagingDomainOps {
  /** 4 KiB, 2 MiB and 1 GiB. */
  static final long PAGE_SIZES = 1L << 12 | 1L << 21 | 1L << 30;

  private static final DomainGeometry GEOMETRY = DomainGeometry.ofBits(48);
  private static final Set<DomainOp> OPERATIONS =
      Set.of(
          DomainOp.ATTACH_DEV,
          DomainOp.SET_DEV_PASID,
          DomainOp.FREE,
          DomainOp.MAP_PAGES,
          DomainOp.IOVA_TO_PHYS,
          DomainOp.IOTLB_SYNC,
          DomainOp.FLUSH_IOTLB_ALL);

  private final SoftIommu iommu;
  private final int id;
  private final PageTable table;
  private final @Nullable DirtyOps dirtyOps;

  /**
   * Creates an empty domain.
   *
   * @throws IommuException ENOSPC or ENOMEM
   */
  SoftDomain(SoftIommu iommu, boolean tracksDirty) {
    this.iommu = iommu;
    this.id = iommu.domainIds().take();
    try {
      this.table = new PageTable(iommu.memory(), tracksDirty);
    } catch (IommuException noMemory) {
      iommu.domainIds().giveBack(id);
      throw noMemory;
    }
    this.dirtyOps = tracksDirty ? new DirtyTracking() : null;
  }

  @Override
  public Set<DomainOp> operations() {
    return OPERATIONS;
  }

  @Override
  public long pageSizes() {
    return PAGE_SIZES;
  }

  @Override
  public DomainGeometry geometry() {
    return GEOMETRY;
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
    Endpoint.of(device, iommu).set(pasid, DeviceEntry.translate(id, table.root()));
  }

  @Override
  public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
    if (!isPageSize(pageSize) || ((iova | paddr) & (pageSize - 1)) != 0 || (prot & Prot.RW) == 0) {
      return MapResult.failed(0, Errno.EINVAL);
    }
    if (pageCount > pagesBelowLimit(iova, pageSize)
        || pageCount > pagesBelowLimit(paddr, pageSize)) {
      return MapResult.failed(0, Errno.ERANGE);
    }
    return table.map(iova, paddr, pageSize, pageCount, prot);
  }

  @Override
  public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
    if (!isPageSize(pageSize)) {
      return 0;
    }
    long size = pageSize * Math.min(pageCount, pagesBelowLimit(iova, pageSize));
    if (gather.queued()) {
      // A full flush follows: no range is needed.
      return table.unmap(iova, size, gather);
    }
    // One command covers one range. This comes first, because it also empties the free list.
    if (gather.isDisjoint(iova, size)) {
      gather.sync(this);
    }
    long done = table.unmap(iova, size, gather);
    if (done != 0) {
      gather.addRange(iova, done);
    }
    return done;
  }

  private static boolean isPageSize(long size) {
    return Long.bitCount(size) == 1 && (size & PAGE_SIZES) != 0;
  }

  /** How many pages fit between an address and the end of the address space. */
  private static long pagesBelowLimit(long address, long pageSize) {
    return Long.compareUnsigned(address, PageTable.LIMIT) >= 0
        ? 0
        : (PageTable.LIMIT - address) / pageSize;
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    iommu.registers().invalidateRange(id, gather.start(), gather.end());
    for (int i = 0; i < gather.freedCount(); i++) {
      iommu.memory().freePage(gather.freed(i));
    }
  }

  @Override
  public void flushIotlbAll() {
    // What is retired later was perhaps read by a walk that this flush does not wait for (FQ-005).
    long[] freed = table.takeRetired();
    iommu.registers().invalidateDomain(id);
    for (long page : freed) {
      iommu.memory().freePage(page);
    }
  }

  @Override
  public long iovaToPhys(long iova) {
    return Long.compareUnsigned(iova, PageTable.LIMIT) < 0 ? table.translate(iova) : 0;
  }

  @Override
  public void free(Domain self) {
    // The next domain with this number must not meet translations of this one.
    iommu.registers().invalidateDomain(id);
    table.free();
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
        table.readDirty(0, PageTable.LIMIT, true, new DirtyBitmap(0, 12, null, null));
        // The hardware does not mark a page again that it remembers as marked.
        iommu.registers().invalidateDomain(id);
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
      if (Long.compareUnsigned(iova, PageTable.LIMIT) < 0) {
        long room = PageTable.LIMIT - iova;
        boolean fits = Long.compareUnsigned(size, room) < 0;
        table.readDirty(iova, fits ? size : room, !noClear, dirty);
      }
    }
  }
}
