package org.iommu4j.testkit;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** A driver of which each call, those of its domains included, goes through an interceptor. */
final class InterceptedIommuOps extends ForwardingIommuOps {
  private final CallInterceptor calls;
  private final AtomicInteger domains = new AtomicInteger();

  InterceptedIommuOps(IommuOps delegate, CallInterceptor calls) {
    super(delegate);
    this.calls = calls;
  }

  private <T extends @Nullable Object> T call(
      DriverCallback callback, DevIommu device, Supplier<T> body) {
    return call(callback, device, "", body);
  }

  private <T extends @Nullable Object> T call(
      DriverCallback callback, DevIommu device, String more, Supplier<T> body) {
    return calls.call(new DriverCall(callback, device.device(), device.device() + more), body);
  }

  private void run(DriverCallback callback, DevIommu device, String more, Runnable body) {
    calls.run(new DriverCall(callback, device.device(), device.device() + more), body);
  }

  private String nextLabel() {
    return "d" + domains.incrementAndGet();
  }

  @Override
  protected PagingDomainOps wrapPaging(PagingDomainOps domain) {
    return new InterceptedPagingDomain(domain, calls, nextLabel());
  }

  @Override
  protected DomainOps wrapIdentity(DomainOps domain) {
    return new InterceptedDomain(domain, calls, nextLabel());
  }

  @Override
  protected StaticDomain wrapStatic(StaticDomain domain) {
    return new InterceptedStaticDomain(domain, calls);
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    return call(DriverCallback.PROBE_DEVICE, device, () -> super.probeDevice(device));
  }

  @Override
  public void releaseDevice(DevIommu device) {
    run(DriverCallback.RELEASE_DEVICE, device, "", () -> super.releaseDevice(device));
  }

  @Override
  public void probeFinalize(DevIommu device) {
    run(DriverCallback.PROBE_FINALIZE, device, "", () -> super.probeFinalize(device));
  }

  @Override
  public @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return this.<@Nullable IommuGroup>call(
        DriverCallback.DEVICE_GROUP, device, () -> super.deviceGroup(device, groups));
  }

  @Override
  public @Nullable DomainType defDomainType(DevIommu device) {
    return this.<@Nullable DomainType>call(
        DriverCallback.DEF_DOMAIN_TYPE, device, () -> super.defDomainType(device));
  }

  @Override
  public boolean isAttachDeferred(DevIommu device) {
    return this.<Boolean>call(
        DriverCallback.IS_ATTACH_DEFERRED, device, () -> super.isAttachDeferred(device));
  }

  @Override
  public void resvRegions(DevIommu device, List<ResvRegion> regions) {
    run(DriverCallback.GET_RESV_REGIONS, device, "", () -> super.resvRegions(device, regions));
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return this.<Boolean>call(
        DriverCallback.CAPABLE,
        device,
        " " + capability.label(),
        () -> super.capable(device, capability));
  }

  @Override
  public void ofXlate(DevIommu device, IommuSpecifier specifier) {
    run(
        DriverCallback.OF_XLATE,
        device,
        " " + specifier.node() + " " + specifier.args(),
        () -> super.ofXlate(device, specifier));
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPaging(DevIommu device) {
    return this.<@Nullable PagingDomainOps>call(
        DriverCallback.DOMAIN_ALLOC_PAGING, device, () -> super.domainAllocPaging(device));
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
    return this.<@Nullable PagingDomainOps>call(
        DriverCallback.DOMAIN_ALLOC_PAGING_FLAGS,
        device,
        flags.isEmpty() ? "" : " flags=" + new TreeSet<>(flags),
        () -> super.domainAllocPagingFlags(device, flags));
  }

  @Override
  public @Nullable DomainOps domainAllocIdentity(DevIommu device) {
    return this.<@Nullable DomainOps>call(
        DriverCallback.DOMAIN_ALLOC_IDENTITY, device, () -> super.domainAllocIdentity(device));
  }
}
