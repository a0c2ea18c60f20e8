package org.iommu4j.core.domain;

import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.jspecify.annotations.Nullable;

/** What every domain of a core has: the driver's side, its owner, and a count of uses. */
public abstract class CoreDomain {
  private static final int FREED = -1;

  private final DomainOps ops;
  private final Set<DomainOp> present;
  private final @Nullable Driver owner;
  private final DriverGuard guard;

  /**
   * How many devices, PASIDs and group pointers refer to this domain; -1 once it is freed. Freeing
   * and a new use race without a common lock, so both go through a compare-and-set here.
   */
  private final AtomicInteger uses = new AtomicInteger();

  /**
   * Whether the driver was told to free its side. That comes after the cookie, so whoever keeps the
   * cookie may still invalidate and translate while the domain counts as freed for consumers.
   */
  private volatile boolean driverSideFreed;

  CoreDomain(DomainOps ops, @Nullable Driver owner, DriverGuard guard) {
    this.ops = ops;
    this.owner = owner;
    this.guard = guard;
    this.present = guard.call("operations", ops, () -> copy(ops.operations()));
  }

  private static Set<DomainOp> copy(Set<DomainOp> declared) {
    return declared.isEmpty() ? EnumSet.noneOf(DomainOp.class) : EnumSet.copyOf(declared);
  }

  /**
   * The core's side of a domain.
   *
   * @param domain any domain
   * @return its core object
   * @throws IommuException EINVAL for null or a domain that no core made
   */
  public static CoreDomain of(@Nullable Domain domain) {
    if (domain instanceof HasCore made) {
      return made.core();
    }
    throw new IommuException(Errno.EINVAL, "not a domain of a core: " + domain);
  }

  /**
   * The core's side of a domain of one core.
   *
   * @param domain any domain
   * @param mine the fence of that core
   * @return its core object
   * @throws IommuException EINVAL for null or a domain of another core
   */
  public static CoreDomain of(@Nullable Domain domain, DriverGuard mine) {
    CoreDomain made = of(domain);
    if (made.guard != mine) {
      throw new IommuException(Errno.EINVAL, "domain " + made + " belongs to another core");
    }
    return made;
  }

  /** Implemented by every domain object that a core hands out. */
  interface HasCore {
    CoreDomain core();

    DomainType type();

    DomainOps ops();
  }

  /** What consumers hold. */
  public abstract Domain asDomain();

  /** What the domain is for, now. */
  public abstract DomainType type();

  /** The driver's side. */
  public final DomainOps ops() {
    return ops;
  }

  /** The driver that allocated it; null for static domains (CORE-168). */
  @Mirrors("iommu_domain.owner")
  public final @Nullable Driver owner() {
    return owner;
  }

  final DriverGuard guard() {
    return guard;
  }

  /** Whether an optional operation exists. */
  public final boolean has(DomainOp op) {
    return present.contains(op);
  }

  /**
   * Calls the driver's attach (CORE-426).
   *
   * @param device which device
   * @param old where it is now
   * @return null on success
   */
  public final @Nullable IommuException attachDev(DevIommu device, @Nullable CoreDomain old) {
    if (!has(DomainOp.ATTACH_DEV)) {
      return new IommuException(
          Errno.ENODEV, "domain " + this + " cannot be attached to " + device);
    }
    Domain oldDomain = old == null ? null : old.asDomain();
    return guard.attempt("attach_dev", device, () -> ops.attachDev(asDomain(), device, oldDomain));
  }

  /**
   * Calls the driver's attach of a PASID.
   *
   * @param device which device
   * @param pasid 1 or more
   * @param old where the PASID is now
   * @return null on success
   */
  public final @Nullable IommuException setDevPasid(
      DevIommu device, int pasid, @Nullable CoreDomain old) {
    if (!has(DomainOp.SET_DEV_PASID)) {
      return new IommuException(
          Errno.EOPNOTSUPP,
          "domain " + this + " cannot take PASID 0x" + Integer.toHexString(pasid));
    }
    Domain oldDomain = old == null ? null : old.asDomain();
    return guard.attempt(
        "set_dev_pasid", device, () -> ops.setDevPasid(asDomain(), device, pasid, oldDomain));
  }

  /**
   * Counts a use.
   *
   * @throws IommuException EINVAL if the domain was freed
   */
  public final void use() {
    int now;
    do {
      now = uses.get();
      if (now == FREED) {
        throw freed();
      }
    } while (!uses.compareAndSet(now, now + 1));
  }

  /** Ends a use; a domain that the core has freed regardless counts no more. */
  public final void unuse() {
    uses.updateAndGet(now -> now == FREED ? FREED : now - 1);
  }

  final IommuException freed() {
    return new IommuException(Errno.EINVAL, "domain " + this + " was freed");
  }

  /**
   * Marks the domain as freed, unless somebody uses it.
   *
   * @throws IommuException EBUSY while in use, EINVAL if it was freed before
   */
  private void claimFree() {
    if (!uses.compareAndSet(0, FREED)) {
      int now = uses.get();
      throw now == FREED
          ? freed()
          : new IommuException(
              Errno.EBUSY, "domain " + this + " is still used in " + now + " places");
    }
  }

  /**
   * Frees the domain: cookie first, then the driver's side (CORE-461). A static domain has neither,
   * and no owner, so freeing it does nothing (CORE-168).
   *
   * @throws IommuException EBUSY while in use, EINVAL if it was freed before
   */
  public final void free() {
    if (owner != null) {
      claimFree();
      freeNow();
    }
  }

  /**
   * Frees a default or blocking domain that its group gives up. A driver that broke its promise may
   * have left a device on it; Linux frees it all the same.
   */
  public final void freeByCore() {
    if (owner != null && uses.getAndSet(FREED) != FREED) {
      freeNow();
    }
  }

  /** Frees cookie and driver's side of a domain that has just been marked as freed. */
  abstract void freeNow();

  final boolean isDriverSideFreed() {
    return driverSideFreed;
  }

  /** Refuses to ask the driver about a domain that it was told to free. */
  final void requireDriverSide() {
    if (driverSideFreed) {
      throw freed();
    }
    guard.requireOpen();
  }

  final void freeDriverSide() {
    driverSideFreed = true;
    if (has(DomainOp.FREE)) {
      guard.contain("free", this, () -> ops.free(asDomain()));
    }
  }

  @Override
  public String toString() {
    return ops + "[" + type().sysfsName() + "]";
  }
}
