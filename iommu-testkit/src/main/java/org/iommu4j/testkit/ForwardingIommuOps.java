package org.iommu4j.testkit;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * A driver that passes every call on to another one: the base class for wrapping a driver.
 *
 * <p>Override what should be different, {@link #wrapPaging} and its likes to wrap domains too, and
 * register {@link #around} of an instance in its place:
 *
 * <pre>{@code
 * final class Forgetful extends ForwardingIommuOps {
 *   Forgetful(IommuOps driver) { super(driver); }
 *
 *   @Override
 *   protected PagingDomainOps wrapPaging(PagingDomainOps domain) {
 *     return new ForwardingPagingDomainOps(domain) {
 *       @Override
 *       public void flushIotlbAll() {}
 *     };
 *   }
 * }
 *
 * IommuDevice soft = SoftIommu.on(port);
 * core.register(new Forgetful(soft.ops()).around(soft));
 * }</pre>
 */
public abstract class ForwardingIommuOps implements IommuOps {
  private final IommuOps delegate;
  private final Map<IommuDevice, IommuDevice> instances =
      Collections.synchronizedMap(new IdentityHashMap<>());
  private final Map<StaticDomain, StaticDomain> statics =
      Collections.synchronizedMap(new IdentityHashMap<>());

  /**
   * Creates a wrapper.
   *
   * @param delegate does the work
   */
  protected ForwardingIommuOps(IommuOps delegate) {
    this.delegate = delegate;
  }

  /**
   * The instance to register in place of one of the wrapped driver.
   *
   * @param instance an instance whose driver is the wrapped one
   * @return for one instance always the same object
   * @throws IllegalArgumentException for the instance of another driver
   */
  public final IommuDevice around(IommuDevice instance) {
    if (instance.ops() != delegate) {
      throw new IllegalArgumentException(
          instance.name() + " belongs to " + instance.ops().name() + ", not to the wrapped driver");
    }
    return outer(instance);
  }

  private IommuDevice outer(IommuDevice instance) {
    return instances.computeIfAbsent(instance, inner -> new WrappedInstance(inner, this));
  }

  /**
   * What is wrapped.
   *
   * @return always the same object
   */
  protected IommuOps delegate() {
    return delegate;
  }

  /**
   * Wraps a translating domain that the driver has just made.
   *
   * @param domain the driver's object
   * @return the object itself unless overridden
   */
  protected PagingDomainOps wrapPaging(PagingDomainOps domain) {
    return domain;
  }

  /**
   * Wraps an identity domain that the driver has just made.
   *
   * @param domain the driver's object
   * @return the object itself unless overridden
   */
  protected DomainOps wrapIdentity(DomainOps domain) {
    return domain;
  }

  /**
   * Wraps a shared domain; asked once for each.
   *
   * @param domain the driver's object
   * @return the object itself unless overridden
   */
  protected StaticDomain wrapStatic(StaticDomain domain) {
    return domain;
  }

  private @Nullable StaticDomain outer(@Nullable StaticDomain domain) {
    return domain == null ? null : statics.computeIfAbsent(domain, this::wrapStatic);
  }

  private @Nullable PagingDomainOps outer(@Nullable PagingDomainOps domain) {
    return domain == null ? null : wrapPaging(domain);
  }

  @Override
  public String name() {
    return delegate.name();
  }

  @Override
  public Set<IommuOp> operations() {
    return delegate.operations();
  }

  @Override
  public @Nullable StaticDomain identityDomain() {
    return outer(delegate.identityDomain());
  }

  @Override
  public @Nullable StaticDomain blockedDomain() {
    return outer(delegate.blockedDomain());
  }

  @Override
  public @Nullable StaticDomain releaseDomain() {
    return outer(delegate.releaseDomain());
  }

  @Override
  public @Nullable StaticDomain defaultDomain() {
    return outer(delegate.defaultDomain());
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    return outer(delegate.probeDevice(device));
  }

  @Override
  public void releaseDevice(DevIommu device) {
    delegate.releaseDevice(device);
  }

  @Override
  public void probeFinalize(DevIommu device) {
    delegate.probeFinalize(device);
  }

  @Override
  public @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return delegate.deviceGroup(device, groups);
  }

  @Override
  public @Nullable DomainType defDomainType(DevIommu device) {
    return delegate.defDomainType(device);
  }

  @Override
  public boolean isAttachDeferred(DevIommu device) {
    return delegate.isAttachDeferred(device);
  }

  @Override
  public void resvRegions(DevIommu device, List<ResvRegion> regions) {
    delegate.resvRegions(device, regions);
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return delegate.capable(device, capability);
  }

  @Override
  public void ofXlate(DevIommu device, IommuSpecifier specifier) {
    delegate.ofXlate(device, specifier);
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPaging(DevIommu device) {
    return outer(delegate.domainAllocPaging(device));
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
    return outer(delegate.domainAllocPagingFlags(device, flags));
  }

  @Override
  public @Nullable DomainOps domainAllocIdentity(DevIommu device) {
    DomainOps made = delegate.domainAllocIdentity(device);
    return made == null ? null : wrapIdentity(made);
  }

  @Override
  public String toString() {
    return delegate.toString();
  }
}
