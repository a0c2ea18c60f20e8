package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Pasid;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.spi.DomainOp;
import org.jspecify.annotations.Nullable;

/** How consumers attach domains to PASIDs (CORE-440 to 458). */
final class PasidAttaching {
  private PasidAttaching() {}

  /** Attaches a PASID (CORE-440, 441, 445). */
  static void attachPasid(
      GroupImpl group, Device device, Domain domain, int pasid, @Nullable AttachHandle handle) {
    CoreDomain target = CoreDomain.of(domain);
    DevIommuImpl served = servedOrThrow(group, device);
    CoreDomain blocked = served.driver().blocked();
    if (!target.has(DomainOp.SET_DEV_PASID)
        || blocked == null
        || !blocked.has(DomainOp.SET_DEV_PASID)) {
      throw new IommuException(
          Errno.EOPNOTSUPP, pasidText(pasid, device) + " cannot go to " + target);
    }
    requirePasid(served, target, pasid, device);
    group.lock.lock();
    try {
      if (group.recoveryCount > 0) {
        throw group.parkedMember("attach " + pasidText(pasid, device));
      }
      requireWithinLimits(group, pasid, device);
      PasidTable.Entry entry = PasidTable.entryFor(target, handle);
      if (!group.pasids.reserve(pasid)) {
        throw new IommuException(Errno.EBUSY, pasidText(pasid, device) + " is attached already");
      }
      try {
        attachReserved(group, target, pasid, entry);
      } finally {
        // Does nothing once the index is filled.
        group.pasids.withdraw(pasid);
      }
    } finally {
      group.lock.unlock();
    }
  }

  /** The domain cannot be freed while its attach is under way. */
  @GuardedBy("group.lock")
  private static void attachReserved(
      GroupImpl group, CoreDomain target, int pasid, PasidTable.Entry entry) {
    target.use();
    try {
      GroupImpl.throwIf(PasidSwitch.set(group, target, pasid, null));
      group.pasids.store(pasid, entry);
    } finally {
      target.unuse();
    }
  }

  private static void requirePasid(
      DevIommuImpl served, CoreDomain target, int pasid, Device device) {
    if (!served.driver().accepts(target) || pasid == Pasid.NONE) {
      throw new IommuException(Errno.EINVAL, pasidText(pasid, device) + " cannot go to " + target);
    }
  }

  @GuardedBy("group.lock")
  private static void requireWithinLimits(GroupImpl group, int pasid, Device device) {
    for (Member member : group.members) {
      DevIommuImpl other = member.iommu();
      if (other != null
          && other.maxPasids() > 0
          && Integer.compareUnsigned(pasid, other.maxPasids()) >= 0) {
        throw new IommuException(
            Errno.EINVAL,
            pasidText(pasid, device)
                + " is not below the limit 0x"
                + Integer.toHexString(other.maxPasids())
                + " of "
                + other);
      }
    }
  }

  private static String pasidText(int pasid, Device device) {
    return "PASID 0x" + Integer.toHexString(pasid) + " of device " + device;
  }

  private static DevIommuImpl servedOrThrow(GroupImpl group, Device device) {
    group.lock.lock();
    try {
      Member member = group.memberOf(device);
      DevIommuImpl served = member == null ? null : member.iommu();
      if (served == null) {
        throw new IommuException(
            Errno.ENODEV, "device " + device + " of group " + group.id + " has no IOMMU driver");
      }
      return served;
    } finally {
      group.lock.unlock();
    }
  }

  /** Replaces the domain of a PASID (CORE-450 to 455). */
  static void replacePasid(
      GroupImpl group, Device device, Domain domain, int pasid, @Nullable AttachHandle handle) {
    CoreDomain target = CoreDomain.of(domain);
    DevIommuImpl served = servedOrThrow(group, device);
    if (!target.has(DomainOp.SET_DEV_PASID)) {
      throw new IommuException(
          Errno.EOPNOTSUPP, pasidText(pasid, device) + " cannot go to " + target);
    }
    requirePasid(served, target, pasid, device);
    if (handle == null) {
      throw new IommuException(
          Errno.EINVAL, "no handle to move " + pasidText(pasid, device) + " with");
    }
    group.lock.lock();
    try {
      if (group.recoveryCount > 0) {
        throw group.parkedMember("move " + pasidText(pasid, device));
      }
      // As in Linux the handle learns its new domain before anything is checked: with the stored
      // handle that changes what the entry names although the call is refused (CORE-455).
      PasidTable.Entry entry = PasidTable.entryFor(target, handle);
      PasidTable.Entry stored = group.pasids.get(pasid);
      CoreDomain old = stored == null ? null : stored.domain();
      if (old == null) {
        throw new IommuException(Errno.EINVAL, pasidText(pasid, device) + " is not attached");
      }
      if (entry.equals(stored)) {
        group.violation(1033, "same-handle", pasidText(pasid, device) + " with handle " + handle);
        throw new IommuException(
            Errno.EINVAL, pasidText(pasid, device) + " has the handle " + handle + " already");
      }
      if (old != target) {
        target.use();
        try {
          GroupImpl.throwIf(PasidSwitch.set(group, target, pasid, old));
        } finally {
          target.unuse();
        }
      }
      group.pasids.store(pasid, entry);
    } finally {
      group.lock.unlock();
    }
  }

  /** Detaches a PASID (CORE-447). */
  static void detachPasid(GroupImpl group, Device device, Domain domain, int pasid) {
    CoreDomain old = group.mine(domain);
    group.lock.lock();
    try {
      if (pasid == Pasid.NONE) {
        throw new IommuException(
            Errno.EINVAL, "the requester id of device " + device + " is not a PASID");
      }
      PasidSwitch.removeFromAll(group, pasid, old);
      group.pasids.erase(pasid);
    } finally {
      group.lock.unlock();
    }
  }
}
