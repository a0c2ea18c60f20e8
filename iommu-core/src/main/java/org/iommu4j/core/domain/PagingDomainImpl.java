package org.iommu4j.core.domain;

import java.util.List;
import org.iommu4j.api.CookieType;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.FaultHandler;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.SgSegment;
import org.iommu4j.core.domain.CoreDomain.HasCore;
import org.iommu4j.core.trace.CoreTrace;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.jspecify.annotations.Nullable;

/**
 * A translating domain: the loops that cut a range into pages, the exact undo, and the cookie.
 *
 * <p>UNMANAGED, DMA and DMA_FQ are values of {@link #type()}, not classes: the live switch keeps
 * the object. Whoever switches publishes the flush queue first and the type afterwards, and an
 * unmap samples the type once, so it either sees the old type or a complete queue.
 */
public final class PagingDomainImpl extends CoreDomain {
  private final PagingDomainOps table;
  private final CoreTrace trace;
  private final SpareGathers gathers;
  private final long pageSizes;
  private final int granuleShift;
  private final long granuleMask;
  private final DomainGeometry geometry;
  private final boolean mapsPages;
  private final boolean mapsRanges;
  private final boolean syncsMaps;
  private final boolean syncs;
  private final Domain view = new View();

  private volatile DomainType type;
  private volatile CookieType cookie = CookieType.NONE;
  private volatile @Nullable FaultHandler faultHandler;
  private volatile @Nullable DmaLayer cookieKeeper;
  private volatile @Nullable DmaLayer dmaLayer;

  private PagingDomainImpl(
      PagingDomainOps table,
      DomainType type,
      Driver owner,
      DriverGuard guard,
      CoreTrace trace,
      SpareGathers gathers) {
    super(table, owner, guard);
    this.table = table;
    this.trace = trace;
    this.gathers = gathers;
    this.type = type;
    this.pageSizes = guard.call("page_sizes", table, table::pageSizes);
    this.geometry = guard.required("geometry", table, table::geometry);
    this.granuleShift = pageSizes == 0 ? 0 : Long.numberOfTrailingZeros(pageSizes);
    this.granuleMask = (1L << granuleShift) - 1;
    this.mapsPages = has(DomainOp.MAP_PAGES);
    this.mapsRanges = has(DomainOp.MAP_RANGE);
    this.syncsMaps = has(DomainOp.IOTLB_SYNC_MAP);
    this.syncs = has(DomainOp.IOTLB_SYNC);
  }

  static PagingDomainImpl create(
      PagingDomainOps table,
      DomainType type,
      Driver owner,
      DriverGuard guard,
      CoreTrace trace,
      SpareGathers gathers) {
    return new PagingDomainImpl(table, type, owner, guard, trace, gathers);
  }

  /** Tells the domain who keeps MSI cookies; done once, before consumers see the domain. */
  public void setDmaLayer(DmaLayer layer) {
    dmaLayer = layer;
  }

  @Override
  public Domain asDomain() {
    return view;
  }

  /** This domain as consumers hold it. */
  public PagingDomain asPaging() {
    return (PagingDomain) view;
  }

  @Override
  public DomainType type() {
    return type;
  }

  /**
   * Changes the type: the live switch to lazy, and the downgrade to strict of a domain whose queue
   * could not be made.
   */
  public void setType(DomainType newType) {
    type = newType;
  }

  /** The supported page sizes. */
  public long pageSizes() {
    return pageSizes;
  }

  /** What the domain carries besides mappings. */
  public CookieType cookie() {
    return cookie;
  }

  /**
   * Gets the IOVA space of the DMA layer (CORE-463).
   *
   * @param layer who keeps it
   * @throws IommuException EEXIST if a cookie is present, or the layer's refusal
   */
  public void getDmaCookie(DmaLayer layer) {
    synchronized (this) {
      requireNoCookie("get a DMA cookie");
      layer.getCookie(asPaging());
      cookieKeeper = layer;
      cookie = CookieType.DMA_IOVA;
    }
  }

  private void requireNoCookie(String operation) {
    if (cookie != CookieType.NONE) {
      throw new IommuException(
          Errno.EEXIST, "cannot " + operation + ": domain " + this + " carries " + cookie);
    }
  }

  private void setMsiWindow(long base) {
    requireDriverSide();
    if (type != DomainType.UNMANAGED) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("no MSI window at 0x%x: domain %s is not unmanaged", base, this));
    }
    synchronized (this) {
      requireNoCookie(String.format("reserve an MSI window at 0x%x", base));
      DmaLayer layer = dmaLayer;
      if (layer == null) {
        throw new IommuException(Errno.ENODEV, "no DMA layer keeps MSI windows for " + this);
      }
      IommuException refused =
          guard()
              .attempt(
                  "dma_layer.get_msi_cookie", this, () -> layer.getMsiCookie(asPaging(), base));
      if (refused != null) {
        throw refused;
      }
      cookieKeeper = layer;
      cookie = CookieType.DMA_MSI;
    }
  }

  private void setFaultHandler(@Nullable FaultHandler handler) {
    requireDriverSide();
    synchronized (this) {
      if (cookie != CookieType.NONE) {
        trace.violation(1023, "fault-handler-refused", "domain " + this + " carries " + cookie);
        return;
      }
      faultHandler = handler;
      cookie = CookieType.FAULT_HANDLER;
    }
  }

  private @Nullable Errno reportFault(DevIommu device, long iova, FaultAccess access) {
    if (device == null || access == null) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "fault of device %s at iova 0x%x, access %s, in domain %s",
              device, iova, access, this));
    }
    FaultHandler handler = faultHandler;
    Errno answer =
        isDriverSideFreed()
            ? Errno.EINVAL
            : handler == null ? Errno.ENOSYS : handle(handler, device, iova, access);
    trace.fault(device.device(), iova, access);
    return answer;
  }

  private @Nullable Errno handle(
      FaultHandler handler, DevIommu device, long iova, FaultAccess access) {
    try {
      return guard()
          .call("fault_handler", device, () -> handler.onFault(view, device, iova, access));
    } catch (IommuException failure) {
      return failure.errno();
    }
  }

  private void setPgtableQuirks(long quirks) {
    requireDriverSide();
    if (type != DomainType.UNMANAGED || !has(DomainOp.SET_PGTABLE_QUIRKS)) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("page-table quirks 0x%x cannot be set on domain %s", quirks, this));
    }
    IommuException failure =
        guard().attempt("set_pgtable_quirks", this, () -> table.setPgtableQuirks(quirks));
    if (failure != null) {
      throw failure;
    }
  }

  /** Maps and makes visible (CORE-511). */
  public void map(long iova, long paddr, long size, int prot) {
    mapNosync(iova, paddr, size, prot);
    IommuException failure = trySync(iova, size);
    if (failure != null) {
      unmap(iova, size);
      throw failure;
    }
  }

  /** Maps without making it visible; on failure exactly what was mapped is unmapped (CORE-504). */
  public void mapNosync(long iova, long paddr, long size, int prot) {
    boolean inside = enterDma();
    try {
      mapOrUndo(iova, paddr, size, prot);
    } finally {
      leaveDma(inside);
    }
  }

  /**
   * Marks the thread, if the DMA layer manages this domain: its end waits for maps, unmaps and
   * flushes in progress with the group lock held, so their callbacks must not ask for a lock.
   */
  private boolean enterDma() {
    boolean inside = cookie == CookieType.DMA_IOVA;
    if (inside) {
      guard().enterDma();
    }
    return inside;
  }

  private void leaveDma(boolean inside) {
    if (inside) {
      guard().leaveDma();
    }
  }

  private void mapOrUndo(long iova, long paddr, long size, int prot) {
    requireDriverSide();
    if (pageSizes == 0 || !type.isPaging()) {
      throw badDomain(trace, "map", this, iova, size);
    }
    long result =
        mapsRanges ? mapWhole(iova, paddr, size, prot) : mapPages(iova, paddr, size, prot);
    long mapped = MapResult.pages(result) << granuleShift;
    trace.mapped(view, iova, paddr, mapped);
    if (MapResult.isFailure(result)) {
      unmap(iova, mapped);
      throw new IommuException(
          MapResult.errno(result),
          String.format(
              "cannot map iova 0x%x to 0x%x, size 0x%x, prot 0x%x in domain %s (stopped after"
                  + " 0x%x)",
              iova, paddr, size, prot, this, mapped));
    }
  }

  /** Records the violation for a domain that cannot be mapped into (CORE-500). */
  static IommuException badDomain(
      CoreTrace trace, String operation, Object domain, long iova, long size) {
    trace.violationOnce(
        1024, operation + "-bad-domain", operation, "domain " + domain + " has no mappings");
    return new IommuException(
        Errno.EINVAL,
        String.format(
            "cannot %s iova 0x%x, size 0x%x: domain %s has no mappings",
            operation, iova, size, domain));
  }

  private long mapWhole(long iova, long paddr, long size, int prot) {
    long pages = size >>> granuleShift;
    long answer = checked(callMapRange(iova, paddr, size, prot), pages, iova);
    if (!MapResult.isFailure(answer) && answer != pages) {
      trace.violation(
          0,
          "driver-stopped-short",
          String.format(
              "domain %s mapped 0x%x of 0x%x pages at iova 0x%x", this, answer, pages, iova));
      return MapResult.failed(answer, Errno.EIO);
    }
    return answer;
  }

  /** The loop over page sizes (CORE-502, 503); the answer counts pages of the smallest size. */
  private long mapPages(long iova, long paddr, long size, int prot) {
    if (!mapsPages) {
      trace.violation(1025, "no-map-pages", "domain " + this);
      return MapResult.failed(0, Errno.ENODEV);
    }
    if (((iova | paddr | size) & granuleMask) != 0) {
      unaligned("map", iova, paddr, size);
      return MapResult.failed(0, Errno.EINVAL);
    }
    long done = 0;
    while (done != size) {
      long at = iova + done;
      long from = paddr + done;
      long pageSize = PageSizes.largest(pageSizes, at, from, size - done);
      long count = PageSizes.count(pageSizes, pageSize, at, from, size - done);
      long answer = checked(callMapPages(at, from, pageSize, count, prot), count, at);
      long step = MapResult.pages(answer) << Long.numberOfTrailingZeros(pageSize);
      done += step;
      if (MapResult.isFailure(answer)) {
        return MapResult.failed(done >>> granuleShift, MapResult.errno(answer));
      }
    }
    return MapResult.mapped(size >>> granuleShift);
  }

  /**
   * Catches a driver that lies. One that reports no progress and no error would make the loop run
   * for ever; one that reports more than it was asked for has mapped we know not what, so only what
   * was asked for is undone. Both become EIO and a violation.
   */
  private long checked(long answer, long asked, long iova) {
    long pages = MapResult.pages(answer);
    if (MapResult.isFailure(answer) && !MapResult.hasKnownErrno(answer)) {
      trace.violation(
          0,
          "driver-returned-nonsense",
          String.format("domain %s answers 0x%x at iova 0x%x", this, answer, iova));
      return MapResult.failed(Long.compareUnsigned(pages, asked) > 0 ? asked : pages, Errno.EIO);
    }
    if (Long.compareUnsigned(pages, asked) > 0) {
      trace.violation(
          0,
          "driver-mapped-too-much",
          String.format(
              "domain %s reports 0x%x of 0x%x pages at iova 0x%x", this, pages, asked, iova));
      return MapResult.failed(asked, Errno.EIO);
    }
    if (pages == 0 && asked != 0 && !MapResult.isFailure(answer)) {
      trace.violation(
          0,
          "driver-made-no-progress",
          String.format("domain %s at iova 0x%x, 0x%x pages asked", this, iova, asked));
      return MapResult.failed(0, Errno.EIO);
    }
    return answer;
  }

  private long callMapPages(long iova, long paddr, long pageSize, long count, int prot) {
    try {
      return table.mapPages(iova, paddr, pageSize, count, prot);
    } catch (IommuException refused) {
      return MapResult.failed(0, refused.errno());
    } catch (Throwable unexpected) {
      return MapResult.failed(0, guard().broken("map_pages", this, unexpected).errno());
    }
  }

  private long callMapRange(long iova, long paddr, long size, int prot) {
    try {
      return table.mapRange(iova, paddr, size, prot);
    } catch (IommuException refused) {
      return MapResult.failed(0, refused.errno());
    } catch (Throwable unexpected) {
      return MapResult.failed(0, guard().broken("map_range", this, unexpected).errno());
    }
  }

  private void unaligned(String operation, long iova, long paddr, long size) {
    trace.message(
        CoreMessage.UNALIGNED,
        null,
        String.format(
            "unaligned %s: iova 0x%x pa 0x%x size 0x%x min_pagesz 0x%x",
            operation, iova, paddr, size, granuleMask + 1));
  }

  private void syncMap(long iova, long size) {
    requireDriverSide();
    IommuException failure = trySync(iova, size);
    if (failure != null) {
      throw failure;
    }
  }

  /** On the path of every map, so without a lambda. */
  private @Nullable IommuException trySync(long iova, long size) {
    if (!syncsMaps) {
      return null;
    }
    boolean inside = enterDma();
    try {
      table.iotlbSyncMap(iova, size);
      return null;
    } catch (IommuException refused) {
      return refused;
    } catch (Throwable unexpected) {
      return guard().broken("iotlb_sync_map", this, unexpected);
    } finally {
      leaveDma(inside);
    }
  }

  /** Maps a list without gaps; on failure everything mapped so far goes (CORE-520, 521). */
  private long mapSg(long iova, List<SgSegment> segments, int prot) {
    requireSegments(iova, segments);
    SgMapping mapping = new SgMapping(iova, prot);
    try {
      SgRuns.forEach(segments, mapping);
      syncMap(iova, mapping.mapped);
      return mapping.mapped;
    } catch (IommuException failure) {
      unmap(iova, mapping.mapped);
      throw failure;
    }
  }

  static void requireSegments(long iova, @Nullable List<SgSegment> segments) {
    if (segments == null || segments.isEmpty()) {
      throw new IommuException(
          Errno.EINVAL, String.format("nothing to map at iova 0x%x: the list is empty", iova));
    }
    for (@Nullable SgSegment segment : segments) {
      if (segment == null) {
        throw new IommuException(
            Errno.EINVAL, String.format("a segment to map at iova 0x%x is null", iova));
      }
    }
  }

  /** Maps run after run and remembers how far it came. */
  private final class SgMapping implements SgRuns.Visitor {
    private final long iova;
    private final int prot;
    private long mapped;

    SgMapping(long iova, int prot) {
      this.iova = iova;
      this.prot = prot;
    }

    @Override
    public void run(long offset, long start, long length) {
      mapNosync(iova + offset, start, length, prot);
      mapped = offset + length;
    }
  }

  /** Unmaps and invalidates (CORE-530). */
  public long unmap(long iova, long size) {
    IotlbGather gather = gathers.take();
    try {
      long unmapped = unmapFast(iova, size, gather);
      sync(gather);
      return unmapped;
    } finally {
      gathers.give(gather);
    }
  }

  /** Unmaps and gathers (CORE-531 to 534). */
  public long unmapFast(long iova, long size, IotlbGather gather) {
    boolean inside = enterDma();
    try {
      return unmapAndGather(iova, size, gather);
    } finally {
      leaveDma(inside);
    }
  }

  private long unmapAndGather(long iova, long size, IotlbGather gather) {
    requireDriverSide();
    requireGather(gather);
    if (pageSizes == 0 || !type.isPaging()) {
      badDomain(trace, "unmap", this, iova, size);
      return 0;
    }
    long unmapped =
        mapsRanges ? callUnmapRange(iova, size, gather) : unmapPages(iova, size, gather);
    trace.unmapped(view, iova, size, unmapped);
    return unmapped;
  }

  private long unmapPages(long iova, long size, IotlbGather gather) {
    if (!mapsPages) {
      trace.violation(1025, "no-unmap-pages", "domain " + this);
      return 0;
    }
    if (((iova | size) & granuleMask) != 0) {
      unaligned("unmap", iova, 0, size);
      return 0;
    }
    long done = 0;
    while (Long.compareUnsigned(done, size) < 0) {
      long at = iova + done;
      long pageSize = PageSizes.largest(pageSizes, at, at, size - done);
      long count = PageSizes.count(pageSizes, pageSize, at, at, size - done);
      long step = callUnmapPages(at, pageSize, count, gather);
      if (step == 0) {
        break;
      }
      if (!gather.hasRange()) {
        // The driver does not use the gather: make sure that a sync follows all the same. The full
        // size counts from this step, so the range may reach beyond what was asked (CORE-534).
        gather.addRange(at, size);
      }
      done += step;
    }
    return done;
  }

  private long callUnmapPages(long iova, long pageSize, long count, IotlbGather gather) {
    try {
      return honest(table.unmapPages(iova, pageSize, count, gather), iova);
    } catch (Throwable unexpected) {
      guard().broken("unmap_pages", this, unexpected);
      return 0;
    }
  }

  private long callUnmapRange(long iova, long size, IotlbGather gather) {
    try {
      return honest(table.unmapRange(iova, size, gather), iova);
    } catch (Throwable unexpected) {
      guard().broken("unmap_range", this, unexpected);
      return 0;
    }
  }

  /** A count that is no whole number of pages, or reaches beyond the address space, is a lie. */
  private long honest(long bytes, long iova) {
    boolean wraps = bytes != 0 && Long.compareUnsigned(iova + bytes - 1, iova) < 0;
    if ((bytes & granuleMask) != 0 || wraps) {
      trace.violation(
          0,
          "driver-unmapped-nonsense",
          String.format("domain %s reports 0x%x bytes at iova 0x%x", this, bytes, iova));
      return 0;
    }
    return bytes;
  }

  private void requireGather(@Nullable IotlbGather gather) {
    if (gather == null) {
      throw new IommuException(Errno.EINVAL, "no gather for domain " + this);
    }
  }

  /** Invalidates what was gathered; the gather is empty afterwards in every case. */
  public void iotlbSync(IotlbGather gather) {
    requireGather(gather);
    requireDriverSide();
    sync(gather);
    gather.init();
  }

  private void sync(IotlbGather gather) {
    if (syncs && gather.hasRange()) {
      boolean inside = enterDma();
      try {
        table.iotlbSync(gather);
      } catch (Throwable unexpected) {
        guard().broken("iotlb_sync", this, unexpected);
      } finally {
        leaveDma(inside);
      }
    }
  }

  /**
   * Invalidates everything, if the driver can. A flush that throws is not contained like other void
   * callbacks: a flush queue must not take it for done and hand its addresses out again (FQ-016).
   */
  public void flushIotlbAll() {
    requireDriverSide();
    if (!has(DomainOp.FLUSH_IOTLB_ALL)) {
      return;
    }
    boolean inside = enterDma();
    try {
      IommuException failure = guard().attempt("flush_iotlb_all", this, table::flushIotlbAll);
      if (failure != null) {
        throw failure;
      }
    } finally {
      leaveDma(inside);
    }
  }

  /** Walks the driver's tables. */
  public long iovaToPhys(long iova) {
    requireDriverSide();
    if (!has(DomainOp.IOVA_TO_PHYS)) {
      return 0;
    }
    try {
      return table.iovaToPhys(iova);
    } catch (Throwable unexpected) {
      guard().broken("iova_to_phys", this, unexpected);
      return 0;
    }
  }

  private boolean enforceCacheCoherency() {
    requireDriverSide();
    return has(DomainOp.ENFORCE_CACHE_COHERENCY)
        && guard().call("enforce_cache_coherency", this, table::enforceCacheCoherency);
  }

  private DirtyOps dirtyTracking() {
    requireDriverSide();
    DirtyOps dirty = guard().call("dirty_ops", this, table::dirtyOps);
    if (dirty == null) {
      throw new IommuException(Errno.EOPNOTSUPP, "domain " + this + " cannot track dirty pages");
    }
    return dirty;
  }

  @Override
  void freeNow() {
    DmaLayer keeper = cookieKeeper;
    if (keeper != null) {
      if (cookie == CookieType.DMA_IOVA) {
        guard().contain("dma_layer.put_cookie", this, () -> keeper.putCookie(asPaging()));
      } else {
        guard().contain("dma_layer.put_msi_cookie", this, () -> keeper.putMsiCookie(asPaging()));
      }
    }
    freeDriverSide();
  }

  private void closeByConsumer() {
    if (cookie == CookieType.DMA_IOVA) {
      throw new IommuException(
          Errno.EINVAL, "domain " + this + " is a default domain: the core frees it");
    }
    free();
  }

  /** What consumers hold: every call goes to the domain around it. */
  private final class View implements PagingDomain, HasCore {
    @Override
    public CoreDomain core() {
      return PagingDomainImpl.this;
    }

    @Override
    public DomainType type() {
      return PagingDomainImpl.this.type();
    }

    @Override
    public DomainOps ops() {
      return table;
    }

    @Override
    public long iovaToPhys(long iova) {
      return PagingDomainImpl.this.iovaToPhys(iova);
    }

    @Override
    public void map(long iova, long paddr, long size, int prot) {
      PagingDomainImpl.this.map(iova, paddr, size, prot);
    }

    @Override
    public void mapNosync(long iova, long paddr, long size, int prot) {
      PagingDomainImpl.this.mapNosync(iova, paddr, size, prot);
    }

    @Override
    public void syncMap(long iova, long size) {
      PagingDomainImpl.this.syncMap(iova, size);
    }

    @Override
    public long mapSg(long iova, List<SgSegment> segments, int prot) {
      return PagingDomainImpl.this.mapSg(iova, segments, prot);
    }

    @Override
    public long unmap(long iova, long size) {
      return PagingDomainImpl.this.unmap(iova, size);
    }

    @Override
    public long unmapFast(long iova, long size, IotlbGather gather) {
      return PagingDomainImpl.this.unmapFast(iova, size, gather);
    }

    @Override
    public void iotlbSync(IotlbGather gather) {
      PagingDomainImpl.this.iotlbSync(gather);
    }

    @Override
    public void flushIotlbAll() {
      PagingDomainImpl.this.flushIotlbAll();
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
    public CookieType cookieType() {
      return cookie;
    }

    @Override
    public void setPgtableQuirks(long quirks) {
      PagingDomainImpl.this.setPgtableQuirks(quirks);
    }

    @Override
    public boolean enforceCacheCoherency() {
      return PagingDomainImpl.this.enforceCacheCoherency();
    }

    @Override
    public DirtyOps dirtyTracking() {
      return PagingDomainImpl.this.dirtyTracking();
    }

    @Override
    public void setMsiWindow(long base) {
      PagingDomainImpl.this.setMsiWindow(base);
    }

    @Override
    public void setFaultHandler(@Nullable FaultHandler handler) {
      PagingDomainImpl.this.setFaultHandler(handler);
    }

    @Override
    public @Nullable Errno reportFault(DevIommu device, long iova, FaultAccess access) {
      return PagingDomainImpl.this.reportFault(device, iova, access);
    }

    @Override
    public void close() {
      closeByConsumer();
    }

    @Override
    public String toString() {
      return PagingDomainImpl.this.toString();
    }
  }
}
