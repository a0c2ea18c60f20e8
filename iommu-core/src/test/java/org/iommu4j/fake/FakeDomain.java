package org.iommu4j.fake;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * A paging domain, or an allocated identity domain, of the fake driver. It keeps one entry per
 * page; a map over an entry stops with EEXIST, an unmap removes whole whatever entry begins there.
 */
public final class FakeDomain implements PagingDomainOps {
  /** What an unmap does with its gather. */
  public enum Gathering {
    /** Nothing. */
    NONE,
    /** Adds the range that was unmapped. */
    RANGE,
    /** Adds one page per call. */
    PAGE
  }

  /** An answer of map_pages in place of the honest one. */
  public interface MapAnswer {
    /** See {@link PagingDomainOps#mapPages}. */
    long answer(long iova, long paddr, long pageSize, long pageCount);
  }

  /** An answer of unmap_pages in place of the honest one. */
  public interface UnmapAnswer {
    /** See {@link PagingDomainOps#unmapPages}. */
    long answer(long iova, long pageSize, long pageCount);
  }

  private record Page(long paddr, long size) {}

  /** Answers map calls instead of the table. */
  public @Nullable MapAnswer mapAnswer;

  /** Answers unmap calls instead of the table. */
  public @Nullable UnmapAnswer unmapAnswer;

  /** What unmap calls do with the gather. */
  public Gathering gathering = Gathering.NONE;

  /** The dirty-tracking operations, if any. */
  public @Nullable DirtyOps dirtyOps;

  private final Witness witness;
  private final Set<DomainOp> operations;
  private final long pageSizes;
  private final DomainGeometry geometry;
  private final String name;
  private final Map<Long, Page> pages = new TreeMap<>(Long::compareUnsigned);

  FakeDomain(Witness witness, Set<DomainOp> operations, long pageSizes, DomainGeometry geometry) {
    this.witness = witness;
    this.operations = operations;
    this.pageSizes = pageSizes;
    this.geometry = geometry;
    this.name = "D" + witness.nextDomain();
  }

  /** How a domain is named in lines: static ones without type. */
  static String named(@Nullable Domain domain) {
    if (domain == null) {
      return "null";
    }
    return domain.ops() instanceof StaticDomain
        ? domain.ops().toString()
        : domain.ops() + "[" + domain.type() + "]";
  }

  private static String bare(@Nullable Domain domain) {
    return domain == null ? "null" : domain.ops().toString();
  }

  static String attachLine(Domain self, DevIommu device, @Nullable Domain old) {
    return "attach " + device + " -> " + named(self) + " (old " + bare(old) + ")";
  }

  static String pasidLine(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    return "pasid " + device + " " + pasid + " -> " + bare(self) + " (old " + bare(old) + ")";
  }

  /** How many pages are mapped. */
  public int mappedPages() {
    return pages.size();
  }

  @Override
  public Set<DomainOp> operations() {
    witness.hooks.enter("domain_operations", this);
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
    witness.run("attach", device, attachLine(self, device, old), () -> {});
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    witness.run("pasid", device, pasidLine(self, device, pasid, old), () -> {});
  }

  @Override
  public void free(Domain self) {
    witness.run("free", this, "free " + this, () -> {});
  }

  @Override
  public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
    String line =
        String.format(
            "map %s 0x%x 0x%x 0x%x x%d prot=%d", this, iova, paddr, pageSize, pageCount, prot);
    return witness.call("map", this, line, "", () -> honestMap(iova, paddr, pageSize, pageCount));
  }

  private long honestMap(long iova, long paddr, long pageSize, long pageCount) {
    if (mapAnswer != null) {
      return mapAnswer.answer(iova, paddr, pageSize, pageCount);
    }
    for (long i = 0; i < pageCount; i++) {
      Page page = new Page(paddr + i * pageSize, pageSize);
      if (pages.putIfAbsent(iova + i * pageSize, page) != null) {
        return MapResult.failed(i, Errno.EEXIST);
      }
    }
    return MapResult.mapped(pageCount);
  }

  @Override
  public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
    String line = String.format("unmap %s 0x%x 0x%x x%d", this, iova, pageSize, pageCount);
    return witness.call(
        "unmap", this, line, "", () -> honestUnmap(iova, pageSize, pageCount, gather));
  }

  private long honestUnmap(long iova, long pageSize, long pageCount, IotlbGather gather) {
    if (unmapAnswer != null) {
      return unmapAnswer.answer(iova, pageSize, pageCount);
    }
    long done = 0;
    while (Long.compareUnsigned(done, pageSize * pageCount) < 0) {
      Page page = pages.remove(iova + done);
      if (page == null) {
        break;
      }
      done += page.size();
    }
    if (done != 0 && gathering == Gathering.RANGE) {
      gather.addRange(iova, done);
    } else if (done != 0 && gathering == Gathering.PAGE) {
      gather.addPage(this, iova, pageSize);
    }
    return done;
  }

  @Override
  public long mapRange(long iova, long paddr, long size, int prot) {
    String line =
        String.format("map_range %s 0x%x 0x%x 0x%x prot=%d", this, iova, paddr, size, prot);
    long granule = Long.lowestOneBit(pageSizes);
    return witness.call(
        "map_range", this, line, "", () -> honestMap(iova, paddr, granule, size / granule));
  }

  @Override
  public long unmapRange(long iova, long size, IotlbGather gather) {
    String line = String.format("unmap_range %s 0x%x 0x%x", this, iova, size);
    long granule = Long.lowestOneBit(pageSizes);
    return witness.call(
        "unmap_range", this, line, "", () -> honestUnmap(iova, granule, size / granule, gather));
  }

  @Override
  public void iotlbSyncMap(long iova, long size) {
    witness.run(
        "sync_map", this, String.format("sync_map %s 0x%x 0x%x", this, iova, size), () -> {});
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    String line = String.format("sync %s 0x%x-0x%x", this, gather.start(), gather.end());
    witness.run("sync", this, line, () -> {});
  }

  @Override
  public void flushIotlbAll() {
    witness.run("flush_all", this, "flush_all " + this, () -> {});
  }

  @Override
  public long iovaToPhys(long iova) {
    return witness.call(
        "phys", this, String.format("?phys %s 0x%x", this, iova), "", () -> lookUp(iova));
  }

  private long lookUp(long iova) {
    for (Map.Entry<Long, Page> entry : pages.entrySet()) {
      long offset = iova - entry.getKey();
      if (Long.compareUnsigned(offset, entry.getValue().size()) < 0) {
        return entry.getValue().paddr() + offset;
      }
    }
    return 0;
  }

  @Override
  public void setPgtableQuirks(long quirks) {
    witness.run("quirks", this, String.format("quirks %s 0x%x", this, quirks), () -> {});
  }

  @Override
  public boolean enforceCacheCoherency() {
    return witness.call("coherency", this, "coherency " + this, " = ", () -> true);
  }

  @Override
  public @Nullable DirtyOps dirtyOps() {
    return dirtyOps;
  }

  @Override
  public String toString() {
    return name;
  }
}
