package org.iommu4j.testkit;

import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.PagingDomainOps;
import org.jspecify.annotations.Nullable;

/**
 * A translating domain that passes every call on to another one: the base class for wrapping one.
 *
 * <p>What a domain calls on itself, as {@link IotlbGather#addPage} may do, does not come through
 * here.
 */
public abstract class ForwardingPagingDomainOps extends ForwardingDomainOps
    implements PagingDomainOps {
  private final PagingDomainOps delegate;

  /**
   * Creates a wrapper.
   *
   * @param delegate does the work
   */
  protected ForwardingPagingDomainOps(PagingDomainOps delegate) {
    super(delegate);
    this.delegate = delegate;
  }

  @Override
  protected PagingDomainOps delegate() {
    return delegate;
  }

  @Override
  public long pageSizes() {
    return delegate.pageSizes();
  }

  @Override
  public DomainGeometry geometry() {
    return delegate.geometry();
  }

  @Override
  public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
    return delegate.mapPages(iova, paddr, pageSize, pageCount, prot);
  }

  @Override
  public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
    return delegate.unmapPages(iova, pageSize, pageCount, gather);
  }

  @Override
  public long mapRange(long iova, long paddr, long size, int prot) {
    return delegate.mapRange(iova, paddr, size, prot);
  }

  @Override
  public long unmapRange(long iova, long size, IotlbGather gather) {
    return delegate.unmapRange(iova, size, gather);
  }

  @Override
  public void iotlbSyncMap(long iova, long size) {
    delegate.iotlbSyncMap(iova, size);
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    delegate.iotlbSync(gather);
  }

  @Override
  public void flushIotlbAll() {
    delegate.flushIotlbAll();
  }

  @Override
  public long iovaToPhys(long iova) {
    return delegate.iovaToPhys(iova);
  }

  @Override
  public void setPgtableQuirks(long quirks) {
    delegate.setPgtableQuirks(quirks);
  }

  @Override
  public boolean enforceCacheCoherency() {
    return delegate.enforceCacheCoherency();
  }

  @Override
  public @Nullable DirtyOps dirtyOps() {
    return delegate.dirtyOps();
  }
}
