package org.iommu4j.core.group;

import org.iommu4j.api.Attachment;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DmaOwnership;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;

/** Claims and attachments that know whether they still stand. */
final class Scopes {
  private Scopes() {}

  static DmaOwnership own(GroupImpl group, DmaOwner owner) {
    Owning.claimDmaOwner(group, owner);
    return scopedClaim(group, owner);
  }

  /** A scope around a claim that was just made. */
  static DmaOwnership scopedClaim(GroupImpl group, DmaOwner owner) {
    group.lock.lock();
    try {
      return new ScopedClaim(group, owner, group.ownershipGeneration);
    } finally {
      group.lock.unlock();
    }
  }

  /**
   * Gives one scoped claim back if its ownership still stands.
   *
   * @throws IommuException EBUSY while a PASID or handle is attached
   */
  static void endScopedClaim(GroupImpl group, DmaOwner owner, long generation) {
    group.lock.lock();
    try {
      if (generation != group.ownershipGeneration || group.ownership.owner() != owner) {
        group.violation(
            0,
            "stale-ownership-closed",
            "claim of "
                + owner
                + " on group "
                + group.id
                + " had ended by "
                + group.lastOwnershipEnd);
        return;
      }
      if (group.ownership.count() > 1) {
        group.ownership = group.ownership.minusOne();
        return;
      }
      if (!group.pasids.isEmpty()) {
        throw new IommuException(
            Errno.EBUSY,
            "group "
                + group.id
                + " cannot be released by "
                + owner
                + ": PASIDs or handles are attached");
      }
      Owning.dropOwnership(group);
    } finally {
      group.lock.unlock();
    }
  }

  static Attachment attachScoped(GroupImpl group, Domain domain) {
    group.lock.lock();
    try {
      group.requireAlive();
      Attaching.attachLocked(group, CoreDomain.of(domain));
      return new ScopedAttachment(group, domain, group.domainGeneration);
    } finally {
      group.lock.unlock();
    }
  }

  static void endScopedAttachment(GroupImpl group, Domain domain, long generation) {
    group.lock.lock();
    try {
      if (generation != group.domainGeneration) {
        group.violation(
            0,
            "stale-attachment-closed",
            "domain "
                + domain
                + " had been taken off group "
                + group.id
                + " by "
                + group.lastDomainChange);
        return;
      }
      DomainSwitch.setCore(group, "the end of an attachment");
    } finally {
      group.lock.unlock();
    }
  }
}
