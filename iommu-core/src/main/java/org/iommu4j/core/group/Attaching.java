package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.CookieType;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.core.domain.PagingDomainImpl;
import org.iommu4j.core.group.DomainSwitch.Mode;

/** How consumers attach domains to a group and detach them (CORE-400 to 409, 196, 467). */
final class Attaching {
  private Attaching() {}

  static void attach(GroupImpl group, Domain domain) {
    group.lock.lock();
    try {
      group.requireAlive();
      attachLocked(group, CoreDomain.of(domain));
    } finally {
      group.lock.unlock();
    }
  }

  /** The attach of a consumer (CORE-402). */
  @GuardedBy("group.lock")
  static void attachLocked(GroupImpl group, CoreDomain domain) {
    CoreDomain now = group.current;
    if (now != null && now != group.defaultDomain && now != group.blocking) {
      throw new IommuException(
          Errno.EBUSY, "group " + group.id + " is on " + now + " and cannot go to " + domain);
    }
    DevIommuImpl first = group.firstDevice();
    requireCompatible(group, first.driver(), domain);
    domain.use();
    try {
      GroupImpl.throwIf(DomainSwitch.set(group, domain, Mode.ROLLBACK, "an attach of " + domain));
    } finally {
      domain.unuse();
    }
  }

  private static void requireCompatible(GroupImpl group, Driver driver, CoreDomain domain) {
    if (!driver.accepts(domain)) {
      throw new IommuException(
          Errno.EINVAL,
          "domain " + domain + " does not fit driver " + driver + " of group " + group.id);
    }
  }

  static void detach(GroupImpl group, Domain domain) {
    group.lock.lock();
    try {
      group.requireAlive();
      DomainSwitch.setCore(group, "a detach");
    } finally {
      group.lock.unlock();
    }
  }

  /** Attaches to a device that is alone (CORE-400). */
  static void attachDevice(GroupImpl group, Device device, Domain domain) {
    CoreDomain target = CoreDomain.of(domain);
    group.lock.lock();
    try {
      if (group.members.size() != 1) {
        throw new IommuException(
            Errno.EINVAL,
            "device "
                + device
                + " shares group "
                + group.id
                + " with others: "
                + group.members.size());
      }
      attachLocked(group, target);
    } finally {
      group.lock.unlock();
    }
  }

  /** Detaches from a device that is alone (CORE-406). */
  static void detachDevice(GroupImpl group, Device device, Domain domain) {
    CoreDomain target = CoreDomain.of(domain);
    group.lock.lock();
    try {
      if (group.current != target) {
        group.violation(
            1021,
            "detach-not-current",
            "device " + device + " is on " + group.current + ", not " + target);
        return;
      }
      if (group.members.size() != 1) {
        group.violation(
            1021, "detach-multi-member", "device " + device + " shares group " + group.id);
        return;
      }
      DomainSwitch.setCore(group, "a detach");
    } finally {
      group.lock.unlock();
    }
  }

  /** Attaches a deferred device (CORE-196); the flag is tested again under the lock (CORE-197). */
  static void deferredAttach(GroupImpl group, DevIommuImpl device, Domain wanted) {
    group.lock.lock();
    try {
      CoreDomain domain = group.mine(wanted);
      Member member = group.memberOf(device.device());
      if (member == null) {
        throw group.notAMember(device);
      }
      if (!device.attachDeferred()) {
        return;
      }
      if (member.blocked) {
        throw group.parkedMember("attach deferred device " + device);
      }
      domain.use();
      try {
        GroupImpl.throwIf(DomainSwitch.attach(group, device, domain, null));
      } finally {
        domain.unuse();
      }
    } finally {
      group.lock.unlock();
    }
  }

  /** Makes an MSI doorbell reachable (CORE-467). */
  static void prepareMsi(GroupImpl group, Device device, long doorbell) {
    group.lock.lock();
    try {
      Member member = group.memberOf(device);
      CoreDomain now = group.current;
      DevIommuImpl served = member == null ? null : member.iommu();
      if (served == null || now == null || now.type() == DomainType.IDENTITY) {
        return;
      }
      if (!(now instanceof PagingDomainImpl paging) || !takesMsi(paging.cookie())) {
        throw new IommuException(
            Errno.EOPNOTSUPP,
            String.format(
                "no place for the doorbell 0x%x of device %s in domain %s", doorbell, device, now));
      }
      GroupImpl.throwIf(
          group
              .services
              .guard()
              .attempt(
                  "dma_layer.prepare_msi",
                  device,
                  () -> group.services.dmaLayer().prepareMsi(served, paging.asPaging(), doorbell)));
    } finally {
      group.lock.unlock();
    }
  }

  private static boolean takesMsi(CookieType cookie) {
    return cookie == CookieType.DMA_IOVA || cookie == CookieType.DMA_MSI;
  }
}
