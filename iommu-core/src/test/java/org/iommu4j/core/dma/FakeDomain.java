package org.iommu4j.core.dma;

import com.google.errorprone.annotations.FormatMethod;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.iommu4j.api.CookieType;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.FaultHandler;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.SgSegment;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.PagingDomainOps;
import org.jspecify.annotations.Nullable;

/** A domain on {@link StaleHardware}, with hooks. What a DMA layer has no use for, it refuses. */
final class FakeDomain implements PagingDomain {
  final StaleHardware hardware = new StaleHardware();
  final Set<DomainOp> operations =
      EnumSet.of(DomainOp.MAP_PAGES, DomainOp.IOTLB_SYNC, DomainOp.FLUSH_IOTLB_ALL);

  /** The calls that change something, in order. */
  final List<String> calls = new CopyOnWriteArrayList<>();

  volatile DomainType type;
  volatile long pageSizes = StaleHardware.PAGE;
  volatile DomainGeometry geometry = DomainGeometry.ofBits(48);
  volatile @Nullable Errno mapError;
  volatile long unmapLess;
  volatile boolean closing;
  volatile Runnable duringMap = () -> {};
  volatile Runnable duringUnmap = () -> {};
  volatile Runnable duringSync = () -> {};
  volatile Runnable duringFlush = () -> {};
  private final boolean traced;

  FakeDomain(DomainType type) {
    this(type, true);
  }

  FakeDomain(DomainType type, boolean traced) {
    this.type = type;
    this.traced = traced;
  }

  @FormatMethod
  private void trace(String format, Object... arguments) {
    if (traced) {
      calls.add(String.format(format, arguments));
    }
  }

  @Override
  public DomainType type() {
    return type;
  }

  @Override
  public DomainOps ops() {
    return new PagingDomainOps() {
      @Override
      public Set<DomainOp> operations() {
        return operations;
      }

      @Override
      public long pageSizes() {
        return pageSizes;
      }
    };
  }

  @Override
  public void map(long iova, long paddr, long size, int prot) {
    duringMap.run();
    trace("map 0x%x 0x%x 0x%x 0x%x", iova, paddr, size, prot);
    Errno refused = mapError;
    if (refused != null) {
      throw new IommuException(refused, "as the test wishes");
    }
    hardware.map(iova, paddr, size);
  }

  @Override
  public long unmapFast(long iova, long size, IotlbGather gather) {
    trace("unmap 0x%x 0x%x%s", iova, size, gather.queued() ? " queued" : "");
    duringUnmap.run();
    long unmapped = hardware.unmap(iova, size - unmapLess, gather);
    if (!gather.queued()) {
      gather.addRange(iova, size);
    }
    return unmapped;
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    trace("sync 0x%x 0x%x", gather.start(), gather.end());
    duringSync.run();
    hardware.sync(gather, !closing);
    gather.init();
  }

  @Override
  public void flushIotlbAll() {
    trace("flush");
    Runnable meanwhile = duringFlush;
    duringFlush = () -> {};
    hardware.flushAll(meanwhile);
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
  public String toString() {
    return "fake";
  }

  @Override
  public long iovaToPhys(long iova) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void mapNosync(long iova, long paddr, long size, int prot) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void syncMap(long iova, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long mapSg(long iova, List<SgSegment> segments, int prot) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long unmap(long iova, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CookieType cookieType() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void setPgtableQuirks(long quirks) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean enforceCacheCoherency() {
    throw new UnsupportedOperationException();
  }

  @Override
  public DirtyOps dirtyTracking() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void setMsiWindow(long base) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void setFaultHandler(@Nullable FaultHandler handler) {
    throw new UnsupportedOperationException();
  }

  @Override
  public @Nullable Errno reportFault(DevIommu device, long iova, FaultAccess access) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
