package org.iommu4j.testkit.conformance;

import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.jspecify.annotations.Nullable;

/**
 * A domain that a recording driver allocated.
 *
 * <p>It keeps one entry per page of the size it was mapped with. Unmapping removes whatever entry
 * begins exactly at the current address, so a larger page goes whole.
 */
final class RecordingDomain implements PagingDomainOps {
  private final Recording recording;
  private final InstanceSpec spec;
  private final String label;
  private final NavigableMap<Long, Page> pages = new TreeMap<>(Long::compareUnsigned);

  private record Page(long paddr, long size) {}

  RecordingDomain(Recording recording, InstanceSpec spec, String label) {
    this.recording = recording;
    this.spec = spec;
    this.label = label;
  }

  String label() {
    return label;
  }

  @Override
  public Set<DomainOp> operations() {
    return spec.domainOperations();
  }

  @Override
  public long pageSizes() {
    return spec.pageSizes();
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    Attaches.attach(recording, self, device, old);
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    Attaches.setPasid(recording, self, device, pasid, old);
  }

  @Override
  public void free(Domain self) {
    recording.callback("free " + label);
    pages.clear();
  }

  @Override
  public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
    FaultPlan.Fault fault = recording.faults().next("map_pages", label);
    long wanted = pageCount;
    Errno error = null;
    if (fault != null) {
      long amount = fault.amount() == null ? 0 : fault.amount();
      wanted =
          Long.compareUnsigned(amount / pageSize, pageCount) < 0 ? amount / pageSize : pageCount;
      error = fault.errno();
    }
    long done = 0;
    while (done < wanted) {
      long at = iova + done * pageSize;
      if (overlaps(at, pageSize)) {
        error = Errno.EEXIST;
        break;
      }
      pages.put(at, new Page(paddr + done * pageSize, pageSize));
      done++;
    }
    recording.callback(
        String.format(
            "map_pages %s %x %x %x x%d prot=%d = %s%s",
            label,
            iova,
            paddr,
            pageSize,
            pageCount,
            prot,
            error == null ? "0" : "-" + error,
            done == pageCount ? "" : String.format(" mapped=%x", done * pageSize)));
    return error == null ? MapResult.mapped(done) : MapResult.failed(done, error);
  }

  private boolean overlaps(long iova, long size) {
    Map.Entry<Long, Page> below = pages.floorEntry(iova + size - 1);
    return below != null
        && Long.compareUnsigned(below.getKey() + below.getValue().size() - 1, iova) >= 0;
  }

  @Override
  public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
    FaultPlan.Fault fault = recording.faults().next("unmap_pages", label);
    long limit = pageSize * pageCount;
    if (fault != null) {
      long amount = fault.amount() == null ? 0 : fault.amount();
      limit = Long.compareUnsigned(amount, limit) < 0 ? amount : limit;
    }
    long done = 0;
    while (Long.compareUnsigned(done, limit) < 0) {
      Page page = pages.remove(iova + done);
      if (page == null) {
        break;
      }
      done += page.size();
    }
    recording.callback(
        String.format("unmap_pages %s %x %x x%d = %x", label, iova, pageSize, pageCount, done));
    if (done != 0) {
      switch (spec.gather()) {
        case NONE -> {}
        case RANGE -> gather.addRange(iova, done);
        case PAGE -> gather.addPage(this, iova, pageSize);
      }
    }
    return done;
  }

  @Override
  public void iotlbSyncMap(long iova, long size) {
    FaultPlan.Fault fault = recording.faults().next("iotlb_sync_map", label);
    IommuException failure = fault == null ? null : fault.exception(Errno.EINVAL);
    recording.callback(
        String.format(
            "iotlb_sync_map %s %x %x = %s", label, iova, size, Recording.result(failure)));
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    recording.callback(String.format("iotlb_sync %s %x-%x", label, gather.start(), gather.end()));
  }

  @Override
  public void flushIotlbAll() {
    recording.callback("flush_iotlb_all " + label);
  }

  @Override
  public long iovaToPhys(long iova) {
    long paddr = walk(iova);
    recording.callback(String.format("?iova_to_phys %s %x = %x", label, iova, paddr));
    return paddr;
  }

  private long walk(long iova) {
    Map.Entry<Long, Page> below = pages.floorEntry(iova);
    if (below == null) {
      return 0;
    }
    long offset = iova - below.getKey();
    Page page = below.getValue();
    return Long.compareUnsigned(offset, page.size()) < 0 ? page.paddr() + offset : 0;
  }

  @Override
  public void setPgtableQuirks(long quirks) {
    recording.callback(
        "set_pgtable_quirks " + label + " " + Long.toUnsignedString(quirks) + " = 0");
  }

  @Override
  public String toString() {
    return label;
  }
}
