package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.grouping.DmaAliases;
import org.jspecify.annotations.Nullable;

/**
 * Parks one member on the blocking domain while its hardware is reset (CORE-900 to 912).
 *
 * <p>The group's current pointer and the PASID table keep their values meanwhile; when the reset
 * ends the member goes to wherever the group is then.
 */
final class ResetFence {
  private ResetFence() {}

  /** Parks a member, or raises its depth. */
  static void prepare(GroupImpl group, DevIommuImpl device) {
    group.lock.lock();
    try {
      GroupImpl.throwIf(prepareLocked(group, device));
    } finally {
      group.lock.unlock();
    }
  }

  /** Lowers a member's depth, or brings it back. */
  static void done(GroupImpl group, DevIommuImpl device) {
    group.lock.lock();
    try {
      doneLocked(group, device);
    } finally {
      group.lock.unlock();
    }
  }

  @GuardedBy("group.lock")
  private static @Nullable IommuException prepareLocked(GroupImpl group, DevIommuImpl device) {
    Member member = group.memberOf(device.device());
    if (member == null) {
      return group.notAMember(device);
    }
    if (member.resetDepth++ > 0) {
      return null;
    }
    IommuException failure = park(group, member, device);
    if (failure != null) {
      member.resetDepth--;
    }
    return failure;
  }

  @GuardedBy("group.lock")
  private static @Nullable IommuException park(
      GroupImpl group, Member member, DevIommuImpl device) {
    CoreDomain blocking;
    try {
      blocking = group.obtainBlocking();
    } catch (IommuException refused) {
      return refused;
    }
    if (group.current != blocking) {
      // Not through DomainSwitch: a device that requires direct mappings is blocked all the same
      // during its reset (CORE-904).
      IommuException failure = DomainSwitch.attach(group, device, blocking, group.current);
      if (failure != null) {
        return failure;
      }
    }
    // Set before the PASID calls, so that a driver that asks for its domain sees the blocking one.
    member.blocked = true;
    if (device.maxPasids() > 0) {
      for (PasidTable.Attached attached : group.pasids.attached()) {
        PasidSwitch.remove(group.services, device, attached.pasid(), attached.domain());
      }
    }
    group.recoveryCount++;
    return null;
  }

  @GuardedBy("group.lock")
  private static void doneLocked(GroupImpl group, DevIommuImpl device) {
    Member member = group.memberOf(device.device());
    if (member == null) {
      var unused = group.notAMember(device);
      return;
    }
    if (member.resetDepth == 0) {
      group.violation(1035, "unbalanced-done", "device " + device);
      return;
    }
    if (--member.resetDepth > 0) {
      return;
    }
    CoreDomain blocking = group.blocking;
    if (blocking == null) {
      group.violation(1035, "no-blocking-domain", "device " + device);
      return;
    }
    warnIfAliasParked(group, member, device);
    unpark(group, member, device, blocking);
  }

  @GuardedBy("group.lock")
  private static void unpark(
      GroupImpl group, Member member, DevIommuImpl device, CoreDomain blocking) {
    CoreDomain current = group.current;
    if (current != null && current != blocking) {
      IommuException failure = DomainSwitch.attach(group, device, current, blocking);
      if (failure != null) {
        group.violation(1035, "reattach-failed", failure.toString());
      }
    }
    member.blocked = false;
    if (device.maxPasids() > 0) {
      for (PasidTable.Attached attached : group.pasids.attached()) {
        IommuException failure = attached.domain().setDevPasid(device, attached.pasid(), blocking);
        if (failure != null) {
          group.violation(1035, "pasid-reattach-failed", failure.toString());
        }
      }
    }
    if (group.recoveryCount == 0) {
      group.violation(1035, "recovery-underflow", "device " + device);
    } else {
      group.recoveryCount--;
    }
  }

  /** Unblocking one function unblocks the requester id it shares (CORE-909). */
  @GuardedBy("group.lock")
  private static void warnIfAliasParked(GroupImpl group, Member member, DevIommuImpl device) {
    if (!(device.device() instanceof PciDevice mine)) {
      return;
    }
    for (Member other : group.members) {
      if (other != member
          && other.blocked
          && other.device() instanceof PciDevice parked
          && DmaAliases.shared(mine, parked)) {
        group
            .services
            .trace()
            .message(
                CoreMessage.DMA_ALIAS_BLOCKED,
                device.device(),
                "device " + device + " shares a requester id with " + parked + ", still parked");
        return;
      }
    }
  }

  /** The refusal while any member is parked (CORE-905). */
  static IommuException fenced(GroupImpl group, String what) {
    return new IommuException(
        Errno.EBUSY, "group " + group.id() + " cannot " + what + " while a member is being reset");
  }
}
