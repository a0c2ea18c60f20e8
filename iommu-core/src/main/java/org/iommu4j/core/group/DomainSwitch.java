package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.jspecify.annotations.Nullable;

/**
 * Puts the members of a group on a domain: all of them or none (CORE-420 to 432).
 *
 * <p>Members go one by one, each with the group's current domain as "old", so that during the walk
 * a member translates through the old or the new domain and through nothing else.
 */
final class DomainSwitch {
  /** What a failing member means. */
  enum Mode {
    /** The walk stops and the members before the failing one go back. */
    ROLLBACK,
    /**
     * Every member is tried and the group's pointer moves in every case; a failing member is put on
     * the blocking domain if there is one. A failure here is a driver bug.
     */
    MUST_SUCCEED
  }

  private DomainSwitch() {}

  /**
   * Sets the domain of a group.
   *
   * @return null on success, else the failure; with {@link Mode#MUST_SUCCEED} the last one
   */
  @GuardedBy("group.lock")
  static @Nullable IommuException set(
      GroupImpl group, @Nullable CoreDomain target, Mode mode, String cause) {
    if (group.current == target) {
      return null;
    }
    if (target == null) {
      group.services.trace().violation(1020, "null-domain", "group " + group.id());
      return new IommuException(Errno.EINVAL, "group " + group.id() + " cannot go to no domain");
    }
    if (mode == Mode.ROLLBACK && group.recoveryCount > 0) {
      return group.parkedMember("go to domain " + target);
    }
    IommuException failure = null;
    for (Member member : group.members) {
      if (member.blocked) {
        // Parked for a reset: it follows when the reset ends (CORE-910).
        continue;
      }
      IommuException refused = setMember(group, member, target, group.current, mode);
      if (refused != null) {
        failure = refused;
        if (mode == Mode.ROLLBACK) {
          rollBack(group, member, target);
          return failure;
        }
      }
    }
    group.setCurrent(target, cause);
    return failure;
  }

  /** Takes the members before the refusing one back; without an old domain there is no way back. */
  @GuardedBy("group.lock")
  private static void rollBack(GroupImpl group, Member refusing, CoreDomain target) {
    CoreDomain wayBack = group.current;
    if (wayBack == null) {
      return;
    }
    for (Member member : group.members) {
      if (member == refusing) {
        return;
      }
      IommuException stuck = setMember(group, member, wayBack, target, Mode.MUST_SUCCEED);
      if (stuck != null) {
        group.services.trace().violation(1020, "rollback-failed", stuck.toString());
      }
    }
  }

  /** Sets the domain of one member (CORE-423 to 425). */
  @GuardedBy("group.lock")
  private static @Nullable IommuException setMember(
      GroupImpl group, Member member, CoreDomain target, @Nullable CoreDomain old, Mode mode) {
    DevIommuImpl device = member.iommu();
    if (device == null) {
      return new IommuException(Errno.EINVAL, "device " + member.device() + " has no IOMMU driver");
    }
    return setDevice(group, device, target, old, mode);
  }

  @GuardedBy("group.lock")
  static @Nullable IommuException setDevice(
      GroupImpl group,
      DevIommuImpl device,
      CoreDomain target,
      @Nullable CoreDomain old,
      Mode mode) {
    boolean blocking = target.type() == DomainType.BLOCKED || target == group.blocking;
    if (device.requireDirect() && blocking) {
      String text =
          "device " + device + " requires direct mappings and cannot be blocked by " + target;
      group.services.trace().message(CoreMessage.DIRECT_REQUIRED, device.device(), text);
      return new IommuException(Errno.EINVAL, text);
    }
    if (device.attachDeferred()) {
      if (target == group.defaultDomain) {
        return null;
      }
      // Cleared before the attach is tried, so it stays cleared if that fails (CORE-046).
      device.setAttachDeferred(false);
    }
    IommuException failure = attach(group, device, target, old);
    CoreDomain fallback = group.blocking;
    if (failure != null && mode == Mode.MUST_SUCCEED && fallback != null && fallback != target) {
      // The best that can be done; its result changes nothing (CORE-425).
      var unused = attach(group, device, fallback, old);
    }
    return failure;
  }

  /** Calls the driver for one device and notes where it is now (CORE-426). */
  @GuardedBy("group.lock")
  static @Nullable IommuException attach(
      GroupImpl group, DevIommuImpl device, CoreDomain target, @Nullable CoreDomain old) {
    IommuException failure = target.attachDev(device, old);
    if (failure == null) {
      device.setAttachDeferred(false);
      device.setRidDomain(target);
      group.services.trace().attached(device.device(), target.asDomain());
    }
    return failure;
  }

  /** Goes to the blocking domain while owned, else to the default domain (CORE-408). */
  @GuardedBy("group.lock")
  static void setCore(GroupImpl group, String cause) {
    CoreDomain target = group.ownership.owner() == null ? group.defaultDomain : group.blocking;
    IommuException failure = set(group, target, Mode.MUST_SUCCEED, cause);
    if (failure != null) {
      group.services.trace().violation(1019, "restore-core-domain-failed", failure.toString());
    }
  }
}
