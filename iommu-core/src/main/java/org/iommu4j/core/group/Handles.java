package org.iommu4j.core.group;

import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Pasid;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.group.DomainSwitch.Mode;
import org.jspecify.annotations.Nullable;

/** Attaching under handles: the requester id is index 0 of the PASID table (CORE-410 to 416). */
final class Handles {
  private Handles() {}

  static void attachHandle(GroupImpl group, Domain domain, @Nullable AttachHandle handle) {
    if (handle == null) {
      throw new IommuException(Errno.EINVAL, "no handle to attach " + domain + " with");
    }
    CoreDomain target = CoreDomain.of(domain);
    group.lock.lock();
    try {
      group.requireAlive();
      PasidTable.Entry entry = PasidTable.entryFor(target, handle);
      if (!group.pasids.reserve(Pasid.NONE)) {
        throw new IommuException(Errno.EBUSY, "group " + group.id + " has a handle already");
      }
      boolean attached = false;
      try {
        Attaching.attachLocked(group, target);
        group.pasids.store(Pasid.NONE, entry);
        attached = true;
      } finally {
        if (!attached) {
          group.pasids.withdraw(Pasid.NONE);
        }
      }
    } finally {
      group.lock.unlock();
    }
  }

  static void detachHandle(GroupImpl group, Domain domain) {
    group.lock.lock();
    try {
      group.requireAlive();
      DomainSwitch.setCore(group, "a detach of a handle");
      group.pasids.erase(Pasid.NONE);
    } finally {
      group.lock.unlock();
    }
  }

  static void replaceHandle(
      GroupImpl group, @Nullable Domain domain, @Nullable AttachHandle handle) {
    if (domain == null || handle == null) {
      throw new IommuException(
          Errno.EINVAL, "group " + group.id + " cannot be moved to " + domain + " with " + handle);
    }
    CoreDomain target = CoreDomain.of(domain, group.services.guard());
    group.lock.lock();
    try {
      group.requireAlive();
      group.firstDevice();
      PasidTable.Entry entry = PasidTable.entryFor(target, handle);
      target.use();
      boolean reserved = group.pasids.reserve(Pasid.NONE);
      try {
        GroupImpl.throwIf(
            DomainSwitch.set(group, target, Mode.ROLLBACK, "a replacement by " + target));
        group.pasids.store(Pasid.NONE, entry);
        reserved = false;
      } finally {
        target.unuse();
        if (reserved) {
          group.pasids.withdraw(Pasid.NONE);
        }
      }
    } finally {
      group.lock.unlock();
    }
  }

  static AttachHandle handle(GroupImpl group, int pasid, @Nullable DomainType type) {
    group.requireAlive();
    if (!(group.pasids.get(pasid) instanceof PasidTable.Entry.WithHandle with)) {
      throw new IommuException(
          Errno.ENOENT,
          "group " + group.id + " has no handle for PASID 0x" + Integer.toHexString(pasid));
    }
    Domain domain = with.handle().domain();
    // BLOCKED has the value 0, which asks for no type in particular (CORE-010, 415).
    boolean any = type == null || type == DomainType.BLOCKED;
    if (!any && domain != null && domain.type() != type) {
      throw new IommuException(
          Errno.EBUSY,
          "PASID 0x"
              + Integer.toHexString(pasid)
              + " of group "
              + group.id
              + " is on "
              + domain
              + ", not "
              + type);
    }
    return with.handle();
  }
}
