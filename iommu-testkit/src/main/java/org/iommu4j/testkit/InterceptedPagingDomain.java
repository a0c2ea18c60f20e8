package org.iommu4j.testkit;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.util.function.LongSupplier;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.jspecify.annotations.Nullable;

/**
 * A translating domain of which each call goes through an interceptor.
 *
 * <p>Map and unmap report failure in their results: what an interceptor throws for them is put
 * there.
 */
final class InterceptedPagingDomain extends ForwardingPagingDomainOps {
  private final CallInterceptor calls;
  private final String label;

  InterceptedPagingDomain(PagingDomainOps delegate, CallInterceptor calls, String label) {
    super(delegate);
    this.calls = calls;
    this.label = label;
  }

  @FormatMethod
  private DriverCall call(
      DriverCallback callback, @FormatString String format, Object... operands) {
    return new DriverCall(callback, null, label + String.format(format, operands));
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    calls.run(
        InterceptedDomain.attach(label, device, old), () -> super.attachDev(self, device, old));
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    calls.run(
        InterceptedDomain.setPasid(label, device, pasid, old),
        () -> super.setDevPasid(self, device, pasid, old));
  }

  @Override
  public void free(Domain self) {
    calls.run(call(DriverCallback.FREE, ""), () -> super.free(self));
  }

  @Override
  public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
    return map(
        call(
            DriverCallback.MAP_PAGES,
            " iova=0x%x paddr=0x%x size=0x%x count=0x%x prot=0x%x",
            iova,
            paddr,
            pageSize,
            pageCount,
            prot),
        () -> super.mapPages(iova, paddr, pageSize, pageCount, prot));
  }

  @Override
  public long mapRange(long iova, long paddr, long size, int prot) {
    return map(
        call(
            DriverCallback.MAP_RANGE,
            " iova=0x%x paddr=0x%x size=0x%x prot=0x%x",
            iova,
            paddr,
            size,
            prot),
        () -> super.mapRange(iova, paddr, size, prot));
  }

  private long map(DriverCall call, LongSupplier body) {
    try {
      return calls.<Long>call(call, body::getAsLong);
    } catch (IommuException refused) {
      return MapResult.failed(0, refused.errno());
    }
  }

  @Override
  public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
    return unmap(
        call(
            DriverCallback.UNMAP_PAGES,
            " iova=0x%x size=0x%x count=0x%x",
            iova,
            pageSize,
            pageCount),
        () -> super.unmapPages(iova, pageSize, pageCount, gather));
  }

  @Override
  public long unmapRange(long iova, long size, IotlbGather gather) {
    return unmap(
        call(DriverCallback.UNMAP_RANGE, " iova=0x%x size=0x%x", iova, size),
        () -> super.unmapRange(iova, size, gather));
  }

  private long unmap(DriverCall call, LongSupplier body) {
    try {
      return calls.<Long>call(call, body::getAsLong);
    } catch (IommuException refused) {
      return 0;
    }
  }

  @Override
  public long iovaToPhys(long iova) {
    return calls.<Long>call(
        call(DriverCallback.IOVA_TO_PHYS, " iova=0x%x", iova), () -> super.iovaToPhys(iova));
  }

  @Override
  public void iotlbSyncMap(long iova, long size) {
    calls.run(
        call(DriverCallback.IOTLB_SYNC_MAP, " iova=0x%x size=0x%x", iova, size),
        () -> super.iotlbSyncMap(iova, size));
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    calls.run(
        call(DriverCallback.IOTLB_SYNC, " first=0x%x last=0x%x", gather.start(), gather.end()),
        () -> super.iotlbSync(gather));
  }

  @Override
  public void flushIotlbAll() {
    calls.run(call(DriverCallback.FLUSH_IOTLB_ALL, ""), super::flushIotlbAll);
  }

  @Override
  public void setPgtableQuirks(long quirks) {
    calls.run(
        call(DriverCallback.SET_PGTABLE_QUIRKS, " quirks=0x%x", quirks),
        () -> super.setPgtableQuirks(quirks));
  }

  @Override
  public boolean enforceCacheCoherency() {
    return calls.<Boolean>call(
        call(DriverCallback.ENFORCE_CACHE_COHERENCY, ""), super::enforceCacheCoherency);
  }

  @Override
  public String toString() {
    return label;
  }
}
