package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/**
 * Takes a device out of its group and away from its driver (CORE-601 to 611).
 *
 * <p>Delisting and the driver's {@code releaseDevice} are one section of the group lock, so whoever
 * holds the lock finds only members whose driver still knows them.
 */
final class Departure {
  private Departure() {}

  /**
   * Takes a member off the list, withdraws it, and de-initialises the device if it has a driver.
   */
  @GuardedBy("group.lock")
  static void remove(GroupImpl group, Member member) {
    group.members.remove(member);
    if (member.blocked) {
      // Linux leaves the count raised for ever (CORE-614).
      group.recoveryCount--;
      group.violation(0, "parked-member-removed", "device " + member.device());
    }
    group.withdraw(member);
    checkEmptied(group);
    DevIommuImpl device = member.iommu();
    if (device == null) {
      member.state().setGroup(null);
    } else {
      deinit(group, device);
    }
  }

  @GuardedBy("group.lock")
  private static void checkEmptied(GroupImpl group) {
    boolean inUse =
        group.ownership.count() != 0
            || (group.current != null && group.current != group.defaultDomain);
    if (group.members.isEmpty() && inUse) {
      group.violation(
          1013,
          "empty-group-in-use",
          "group " + group.id() + ": count " + group.ownership.count() + ", on " + group.current);
    }
  }

  /** Ends the probe of a device, listed before or not (CORE-602). */
  @GuardedBy("group.lock")
  static void deinit(GroupImpl group, DevIommuImpl device) {
    GroupServices services = group.services;
    Driver driver = device.driver();
    IommuDevice instance = device.iommu();
    services.environment().unlinkInstance(device.device(), instance);
    attachReleaseDomain(group, device, driver);
    if (driver.has(IommuOp.RELEASE_DEVICE)) {
      services.guard().contain("release_device", device, () -> driver.ops().releaseDevice(device));
    }
    device.setRidDomain(null);
    if (group.members.isEmpty()) {
      freeDomains(group);
    }
    services.environment().unpinDriver(driver.ops());
    DmaSetup.off(services, device);
    // In this order: a probe that looks meanwhile, holding only the probe lock, must find the old
    // group or nothing at all, never a device object that is about to go.
    device.state().setIommu(null);
    device.state().setGroup(null);
  }

  /** Its result is ignored, nothing is traced, and a deferred device is not touched (CORE-606). */
  @GuardedBy("group.lock")
  private static void attachReleaseDomain(GroupImpl group, DevIommuImpl device, Driver driver) {
    CoreDomain target = driver.release();
    if (target == null || device.attachDeferred()) {
      return;
    }
    CoreDomain identity = driver.identity();
    if (device.requireDirect() && identity != null && target == driver.blocked()) {
      // Blocking would break the mappings that firmware needs (CORE-607).
      target = identity;
    }
    var unused = target.attachDev(device, group.current);
  }

  /** The last API member has left (CORE-611). A consumer's domain is not the core's to free. */
  @GuardedBy("group.lock")
  private static void freeDomains(GroupImpl group) {
    clearPasids(group);
    @Nullable CoreDomain defaultDomain = group.defaultDomain;
    @Nullable CoreDomain blocking = group.blocking;
    if (defaultDomain != null) {
      defaultDomain.freeByCore();
    }
    if (blocking != null && blocking != defaultDomain) {
      blocking.freeByCore();
    }
    group.setDefaultDomain(null);
    group.setBlocking(null);
    group.setCurrent(null, "the last device leaving");
  }

  /** Linux would keep dangling pointers here (CORE-610). */
  @GuardedBy("group.lock")
  private static void clearPasids(GroupImpl group) {
    for (int pasid : group.pasids.indices()) {
      group.violation(
          0, "pasid-left-behind", "group " + group.id() + " PASID 0x" + Integer.toHexString(pasid));
      group.pasids.erase(pasid);
    }
  }
}
