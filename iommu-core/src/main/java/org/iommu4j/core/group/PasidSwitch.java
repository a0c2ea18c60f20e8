package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.spi.DomainOp;
import org.jspecify.annotations.Nullable;

/** Points one PASID of all members at a domain, or away from it (CORE-442 to 447). */
final class PasidSwitch {
  private PasidSwitch() {}

  /**
   * Sets a PASID on every member that supports PASIDs.
   *
   * @return null on success; on failure the members before the failing one are back
   */
  @GuardedBy("group.lock")
  static @Nullable IommuException set(
      GroupImpl group, CoreDomain target, int pasid, @Nullable CoreDomain old) {
    for (Member member : group.members) {
      DevIommuImpl device = member.iommu();
      if (device == null || device.maxPasids() == 0) {
        continue;
      }
      IommuException failure = target.setDevPasid(device, pasid, old);
      if (failure != null) {
        rollBack(group, member, target, pasid, old);
        return failure;
      }
    }
    return null;
  }

  @GuardedBy("group.lock")
  private static void rollBack(
      GroupImpl group, Member refusing, CoreDomain target, int pasid, @Nullable CoreDomain old) {
    for (Member member : group.members) {
      if (member == refusing) {
        return;
      }
      DevIommuImpl device = member.iommu();
      if (device == null || device.maxPasids() == 0) {
        continue;
      }
      if (old == null || !restored(group, device, target, pasid, old)) {
        remove(group.services, device, pasid, target);
      }
    }
  }

  private static boolean restored(
      GroupImpl group, DevIommuImpl device, CoreDomain target, int pasid, CoreDomain old) {
    IommuException failure = old.setDevPasid(device, pasid, target);
    if (failure != null) {
      group.violation(1031, "pasid-restore-failed", failure.toString());
    }
    return failure == null;
  }

  /** Blocks a PASID of one device; a failure is a violation (CORE-446). */
  static void remove(GroupServices services, DevIommuImpl device, int pasid, CoreDomain old) {
    CoreDomain blocked = device.driver().blocked();
    if (blocked == null || !blocked.has(DomainOp.SET_DEV_PASID)) {
      services
          .trace()
          .violation(
              0,
              "pasid-cannot-be-blocked",
              "driver " + device.driver() + " of device " + device + " cannot block PASIDs");
      return;
    }
    IommuException failure = blocked.setDevPasid(device, pasid, old);
    if (failure != null) {
      services.trace().violation(1031, "pasid-block-failed", failure.toString());
    }
  }

  /** Blocks a PASID on every member that supports PASIDs and is not parked (CORE-447). */
  @GuardedBy("group.lock")
  static void removeFromAll(GroupImpl group, int pasid, CoreDomain old) {
    for (Member member : group.members) {
      DevIommuImpl device = member.iommu();
      if (device != null && device.maxPasids() > 0 && !member.blocked) {
        remove(group.services, device, pasid, old);
      }
    }
  }
}
