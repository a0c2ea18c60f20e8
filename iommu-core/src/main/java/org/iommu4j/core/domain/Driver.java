package org.iommu4j.core.domain;

import java.util.EnumSet;
import java.util.IdentityHashMap;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.trace.CoreTrace;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * One driver as one core sees it: its operations, sampled once, and its static domains.
 *
 * <p>Two instances with one {@link IommuOps} object share one of these, so "same driver" is object
 * identity. Thread-safe.
 */
public final class Driver {
  private final IommuOps ops;
  private final DriverGuard guard;
  private final CoreTrace trace;
  private final SpareGathers gathers = new SpareGathers();
  private final String name;
  private final Set<IommuOp> present;
  private final @Nullable CoreDomain identity;
  private final @Nullable CoreDomain blocked;
  private final @Nullable CoreDomain release;
  private final @Nullable CoreDomain defaultDomain;

  /**
   * Samples a driver.
   *
   * @param ops the driver
   * @param guard fences its callbacks
   * @param trace told about broken invariants
   * @throws IommuException EIO if the driver cannot even describe itself
   */
  public Driver(IommuOps ops, DriverGuard guard, CoreTrace trace) {
    this.ops = ops;
    this.guard = guard;
    this.trace = trace;
    this.name =
        guard.call("name", ops.getClass().getName(), () -> Objects.requireNonNull(ops.name()));
    this.present = guard.call("operations", name, () -> copy(ops.operations()));
    IdentityHashMap<StaticDomain, CoreDomain> shared = new IdentityHashMap<>();
    this.identity = sample("identity_domain", ops::identityDomain, shared);
    this.blocked = sample("blocked_domain", ops::blockedDomain, shared);
    this.release = sample("release_domain", ops::releaseDomain, shared);
    this.defaultDomain = sample("default_domain", ops::defaultDomain, shared);
  }

  private static Set<IommuOp> copy(Set<IommuOp> declared) {
    return declared.isEmpty() ? EnumSet.noneOf(IommuOp.class) : EnumSet.copyOf(declared);
  }

  private @Nullable CoreDomain sample(
      String callback,
      Supplier<@Nullable StaticDomain> answer,
      IdentityHashMap<StaticDomain, CoreDomain> shared) {
    return guard.<@Nullable CoreDomain>call(callback, name, () -> wrap(answer.get(), shared));
  }

  private @Nullable CoreDomain wrap(
      @Nullable StaticDomain domain, IdentityHashMap<StaticDomain, CoreDomain> shared) {
    if (domain == null) {
      return null;
    }
    CoreDomain known = shared.get(domain);
    if (known == null) {
      known = StaticDomains.wrap(domain, guard);
      shared.put(domain, known);
    }
    return known;
  }

  /** The driver's own object. */
  public IommuOps ops() {
    return ops;
  }

  /** The driver's name. */
  public String name() {
    return name;
  }

  /** Whether an optional operation exists. */
  public boolean has(IommuOp op) {
    return present.contains(op);
  }

  /** The static identity domain, if any. */
  public @Nullable CoreDomain identity() {
    return identity;
  }

  /** The static blocking domain, if any. */
  public @Nullable CoreDomain blocked() {
    return blocked;
  }

  /** The static release domain, if any. */
  public @Nullable CoreDomain release() {
    return release;
  }

  /** The static default domain, if any. */
  public @Nullable CoreDomain defaultDomain() {
    return defaultDomain;
  }

  /** Whether devices of this driver can be attached to a domain (CORE-404). */
  public boolean accepts(CoreDomain domain) {
    return domain.owner() == this || domain == blocked || domain == identity;
  }

  /**
   * Allocates a translating domain (CORE-166).
   *
   * @param device a device it must suit
   * @param type what it is for
   * @param flags wishes
   * @return a domain without cookie
   * @throws IommuException EOPNOTSUPP, ENOMEM or the driver's error
   */
  public PagingDomainImpl allocPaging(DevIommu device, DomainType type, Set<AllocFlag> flags) {
    PagingDomainOps made;
    if (flags.isEmpty() && has(IommuOp.DOMAIN_ALLOC_PAGING)) {
      made = guard.call("domain_alloc_paging", device, () -> ops.domainAllocPaging(device));
    } else if (has(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS)) {
      made =
          guard.call(
              "domain_alloc_paging_flags", device, () -> ops.domainAllocPagingFlags(device, flags));
    } else {
      throw new IommuException(
          Errno.EOPNOTSUPP,
          name + " cannot allocate a paging domain with flags " + flags + " for " + device);
    }
    if (made == null) {
      throw new IommuException(Errno.ENOMEM, name + " made no paging domain for " + device);
    }
    return PagingDomainImpl.create(made, type, this, guard, trace, gathers);
  }

  /**
   * The identity domain, static or newly allocated (CORE-165).
   *
   * @param device a device it must suit
   * @return the domain
   * @throws IommuException EOPNOTSUPP, ENOMEM or the driver's error
   */
  public CoreDomain identityFor(DevIommu device) {
    if (identity != null) {
      return identity;
    }
    if (!has(IommuOp.DOMAIN_ALLOC_IDENTITY)) {
      throw new IommuException(Errno.EOPNOTSUPP, name + " has no identity domain for " + device);
    }
    DomainOps made =
        guard.call("domain_alloc_identity", device, () -> ops.domainAllocIdentity(device));
    if (made == null) {
      throw new IommuException(Errno.ENOMEM, name + " made no identity domain for " + device);
    }
    return StaticDomains.allocatedIdentity(made, this, guard);
  }

  /** Asks what the driver can do for a device (CORE-469). */
  public boolean capable(DevIommu device, Capability capability) {
    if (!has(IommuOp.CAPABLE)) {
      return false;
    }
    try {
      return guard.call("capable", device, () -> ops.capable(device, capability));
    } catch (IommuException cannotSay) {
      return false;
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
