package org.iommu4j.testkit.persona;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.jspecify.annotations.Nullable;

/** A translating domain whose table is a sorted map. */
final class PersonaDomain implements PagingDomainOps {
  private final long pageSizes;
  private final DomainGeometry geometry;
  private final boolean enforcesCoherency;

  @GuardedBy("this")
  private final TreeMap<Long, Page> pages = new TreeMap<>(Long::compareUnsigned);

  private record Page(long paddr, long size) {}

  PersonaDomain(long pageSizes, DomainGeometry geometry, boolean enforcesCoherency) {
    this.pageSizes = pageSizes;
    this.geometry = geometry;
    this.enforcesCoherency = enforcesCoherency;
  }

  @Override
  public Set<DomainOp> operations() {
    Set<DomainOp> operations =
        EnumSet.of(
            DomainOp.ATTACH_DEV,
            DomainOp.FREE,
            DomainOp.MAP_PAGES,
            DomainOp.IOVA_TO_PHYS,
            DomainOp.IOTLB_SYNC,
            DomainOp.FLUSH_IOTLB_ALL);
    if (enforcesCoherency) {
      operations.add(DomainOp.ENFORCE_CACHE_COHERENCY);
    }
    return operations;
  }

  @Override
  public long pageSizes() {
    return pageSizes;
  }

  @Override
  public DomainGeometry geometry() {
    return geometry;
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    // There is no hardware.
  }

  @Override
  public synchronized void free(Domain self) {
    pages.clear();
  }

  @Override
  public synchronized long mapPages(
      long iova, long paddr, long pageSize, long pageCount, int prot) {
    for (long done = 0; done < pageCount; done++) {
      long at = iova + done * pageSize;
      if (isTaken(at, pageSize)) {
        return MapResult.failed(done, Errno.EADDRINUSE);
      }
      pages.put(at, new Page(paddr + done * pageSize, pageSize));
    }
    return MapResult.mapped(pageCount);
  }

  @GuardedBy("this")
  private boolean isTaken(long iova, long size) {
    Map.Entry<Long, Page> before = pages.floorEntry(iova + size - 1);
    return before != null
        && Long.compareUnsigned(before.getKey() + before.getValue().size() - 1, iova) >= 0;
  }

  @Override
  public synchronized long unmapPages(
      long iova, long pageSize, long pageCount, IotlbGather gather) {
    long bytes = 0;
    while (Long.compareUnsigned(bytes, pageSize * pageCount) < 0) {
      Page page = pages.remove(iova + bytes);
      if (page == null) {
        break;
      }
      gather.addRange(iova + bytes, page.size());
      bytes += page.size();
    }
    return bytes;
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    // Nothing is cached.
  }

  @Override
  public void flushIotlbAll() {
    // Nothing is cached.
  }

  @Override
  public synchronized long iovaToPhys(long iova) {
    Map.Entry<Long, Page> found = pages.floorEntry(iova);
    if (found == null) {
      return 0;
    }
    long within = iova - found.getKey();
    Page page = found.getValue();
    return Long.compareUnsigned(within, page.size()) < 0 ? page.paddr() + within : 0;
  }

  @Override
  public boolean enforceCacheCoherency() {
    return enforcesCoherency;
  }
}
