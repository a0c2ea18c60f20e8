package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.group.DomainSwitch.Mode;
import org.iommu4j.core.group.Ownership.Owned;
import org.jspecify.annotations.Nullable;

/** Who may use the DMA of a group: drivers by count, one owner by claims (CORE-300 to 329). */
final class Owning {
  private Owning() {}

  /** Counts a driver (CORE-301 to 303). */
  static void useDefaultDomain(GroupImpl group, Device device) {
    group.lock.lock();
    try {
      if (group.memberOf(device) == null) {
        return;
      }
      if (group.defaultDomain == null) {
        throw new IommuException(
            Errno.EPROBE_DEFER,
            "group " + group.id + " of device " + device + " has no default domain");
      }
      boolean foreign =
          group.current != group.defaultDomain
              || group.ownership.owner() != null
              || !group.pasids.isEmpty();
      if (group.ownership.count() != 0 && foreign) {
        throw new IommuException(
            Errno.EBUSY,
            "group " + group.id + " of device " + device + " is in use: " + group.ownership);
      }
      group.ownership = group.ownership.plusOne();
    } finally {
      group.lock.unlock();
    }
  }

  /** Takes a driver off the count (CORE-304). */
  static void unuseDefaultDomain(GroupImpl group, Device device) {
    group.lock.lock();
    try {
      if (group.memberOf(device) == null) {
        return;
      }
      if (group.ownership.count() == 0 || !group.pasids.isEmpty()) {
        group.violation(
            1028,
            "unuse-unbalanced",
            "device " + device + " of group " + group.id + ": " + group.ownership);
        return;
      }
      group.ownership = group.ownership.minusOne();
    } finally {
      group.lock.unlock();
    }
  }

  static void claimDmaOwner(GroupImpl group, @Nullable DmaOwner owner) {
    if (owner == null) {
      throw GroupImpl.nullOwner(group.services.trace(), "group " + group.id);
    }
    group.lock.lock();
    try {
      group.requireAlive();
      if (group.ownership.count() != 0) {
        throw inUse(group, owner);
      }
      takeOwnership(group, owner);
    } finally {
      group.lock.unlock();
    }
  }

  private static IommuException inUse(GroupImpl group, DmaOwner owner) {
    return new IommuException(
        Errno.EPERM, "group " + group.id + " cannot be claimed by " + owner + ": it is in use");
  }

  /** Claims through a device (CORE-313). */
  static void claimByDevice(GroupImpl group, Device device, DmaOwner owner) {
    group.lock.lock();
    try {
      if (group.memberOf(device) == null) {
        throw new IommuException(
            Errno.ENODEV, "device " + device + " is no member of group " + group.id);
      }
      if (group.ownership.count() == 0) {
        takeOwnership(group, owner);
      } else if (group.ownership.owner() == owner) {
        group.ownership = group.ownership.plusOne();
      } else {
        throw inUse(group, owner);
      }
    } finally {
      group.lock.unlock();
    }
  }

  /** Blocks the group and records the owner (CORE-315). */
  @GuardedBy("group.lock")
  private static void takeOwnership(GroupImpl group, DmaOwner owner) {
    if ((group.current != null && group.current != group.defaultDomain)
        || !group.pasids.isEmpty()) {
      throw new IommuException(
          Errno.EBUSY,
          "group "
              + group.id
              + " cannot be claimed by "
              + owner
              + ": it is on "
              + group.current
              + (group.pasids.isEmpty() ? "" : " and has PASIDs"));
    }
    CoreDomain target = group.obtainBlocking();
    GroupImpl.throwIf(DomainSwitch.set(group, target, Mode.ROLLBACK, "a claim by " + owner));
    group.ownership = new Owned(owner, 1);
  }

  static void releaseDmaOwner(GroupImpl group) {
    group.lock.lock();
    try {
      group.requireAlive();
      dropOwnership(group);
    } finally {
      group.lock.unlock();
    }
  }

  /** Releases through a device: one claim, or, for the last one, the group (CORE-323). */
  static void releaseByDevice(GroupImpl group, Device device) {
    group.lock.lock();
    try {
      if (group.memberOf(device) == null) {
        return;
      }
      if (group.ownership.count() > 1) {
        group.ownership = group.ownership.minusOne();
      } else {
        dropOwnership(group);
      }
    } finally {
      group.lock.unlock();
    }
  }

  /** Drops all claims and restores the default domain (CORE-321, 324). */
  @GuardedBy("group.lock")
  static void dropOwnership(GroupImpl group) {
    DmaOwner owner = group.ownership.owner();
    if (group.ownership.count() == 0 || owner == null || !group.pasids.isEmpty()) {
      group.violation(
          1030,
          "release-refused",
          "group "
              + group.id
              + ": "
              + group.ownership
              + (group.pasids.isEmpty() ? "" : " with PASIDs"));
      return;
    }
    group.ownership = Ownership.idle();
    group.ownershipGeneration++;
    group.lastOwnershipEnd = "a release of " + owner;
    IommuException failure =
        DomainSwitch.set(group, group.defaultDomain, Mode.MUST_SUCCEED, group.lastOwnershipEnd);
    if (failure != null) {
      group.violation(1019, "restore-core-domain-failed", failure.toString());
    }
  }

  static boolean dmaOwnerClaimed(GroupImpl group) {
    group.lock.lock();
    try {
      group.requireAlive();
      return group.ownership.count() != 0;
    } finally {
      group.lock.unlock();
    }
  }
}
