package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Objects;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.group.DomainSwitch.Mode;
import org.jspecify.annotations.Nullable;

/** How devices join a group and leave it (CORE-112 to 121, 601, 620). */
final class Membership {
  private Membership() {}

  /**
   * Lists a newcomer and brings it to where the group is (CORE-113 to 119). On failure the newcomer
   * has left again; the other members are untouched.
   *
   * @param member from {@link GroupImpl#publish}
   * @param replay whether a missing default domain is left to pass 2
   * @return true if the group must be queued for pass 2
   */
  static boolean join(GroupImpl group, Member member, boolean replay) {
    IommuException failure;
    boolean queueNow = false;
    group.lock.lock();
    try {
      group.adoptReference();
      group.list(member);
      DevIommuImpl device = Objects.requireNonNull(member.iommu());
      if (group.defaultDomain != null && group.current == null) {
        group.violation(1012, "default-without-current", "group " + group.id);
      }
      failure = bringIn(group, device, replay);
      if (failure == null) {
        queueNow =
            replay
                && group.defaultDomain == null
                && group.current == null
                && TypeChange.queue(group);
        CoreDomain now = group.defaultDomain;
        if (now != null) {
          DmaSetup.device(group.services, device, now);
        }
      } else {
        Departure.remove(group, member);
      }
    } finally {
      group.lock.unlock();
    }
    if (failure != null) {
      group.putMember();
      throw failure;
    }
    return queueNow;
  }

  @GuardedBy("group.lock")
  private static @Nullable IommuException bringIn(
      GroupImpl group, DevIommuImpl device, boolean replay) {
    CoreDomain installed = group.defaultDomain;
    if (installed != null) {
      // The result is ignored: the newcomer joins all the same (CORE-114).
      var unused = DirectMappings.create(group.services, installed, device);
    }
    CoreDomain now = group.current;
    if (now != null) {
      return DomainSwitch.setDevice(group, device, now, null, Mode.ROLLBACK);
    }
    return installed == null && !replay ? DefaultDomain.setUp(group, null) : null;
  }

  /** A device could not be published: it ends its probe without ever having been listed. */
  static void abandon(GroupImpl group, DevIommuImpl device) {
    group.lock.lock();
    try {
      Departure.deinit(group, device);
    } finally {
      group.lock.unlock();
    }
    group.put();
  }

  /** Lists a device without IOMMU driver (CORE-620). */
  static void joinPlain(GroupImpl group, DeviceState state) {
    if (!state.tryEnter(group)) {
      throw new IommuException(
          Errno.EBUSY, "device " + state + " is in " + state.group() + " already");
    }
    boolean listed = false;
    try {
      Member member = group.publish(state);
      group.lock.lock();
      try {
        group.ref();
        group.adoptReference();
        group.list(member);
        listed = true;
      } finally {
        group.lock.unlock();
      }
    } finally {
      if (!listed) {
        state.setGroup(null);
      }
    }
  }

  /** Whether the group has, or had, a driver's domains; such a group takes no plain members. */
  static boolean hasDriver(GroupImpl group) {
    group.lock.lock();
    try {
      group.requireAlive();
      Member head = group.members.first();
      return group.defaultDomain != null || (head != null && head.iommu() != null);
    } finally {
      group.lock.unlock();
    }
  }

  /** Says that a device is removed by name (CORE-622). */
  static void announceRemoval(GroupImpl group, Device device) {
    group
        .services
        .trace()
        .message(
            CoreMessage.REMOVE_FROM_GROUP,
            device,
            "device " + device + ": removing from iommu group " + group.id);
  }

  /** Takes a device out; nothing happens if it has left meanwhile (CORE-601). */
  static void remove(GroupImpl group, Device device) {
    group.lock.lock();
    try {
      Member member = group.memberOf(device);
      if (member == null) {
        return;
      }
      Departure.remove(group, member);
    } finally {
      group.lock.unlock();
    }
    group.putMember();
  }

  /** Whether a device is a member now. */
  static boolean contains(GroupImpl group, Device device) {
    group.lock.lock();
    try {
      return group.memberOf(device) != null;
    } finally {
      group.lock.unlock();
    }
  }
}
