package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaBuild;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/** Chooses the type of a group's default domain from what its members wish (CORE-150 to 157). */
final class DefaultType {
  private DefaultType() {}

  /**
   * Combines request, wishes and trust.
   *
   * @param requested the wanted type, or null for automatic
   * @return the type, or null for "use the global default"
   * @throws IommuException EINVAL if request and wishes do not fit; nothing has changed
   */
  @GuardedBy("group.lock")
  static @Nullable DomainType choose(GroupImpl group, @Nullable DomainType requested) {
    DmaBuild build = group.services.policy().dmaBuild();
    DomainType wished = build == DmaBuild.ARM_GLUE ? DomainType.IDENTITY : null;
    Device untrusted = null;
    for (Member member : group.members) {
      DevIommuImpl device = member.iommu();
      if (device != null) {
        wished = combine(group, device, wished);
      }
      if (member.device() instanceof PciDevice pci && pci.untrusted()) {
        requireTranslation(group, build, pci);
        untrusted = pci;
      }
    }
    if (build != DmaBuild.GENERIC) {
      wished = withoutDmaLayer(group, wished);
    }
    if (untrusted != null) {
      wished = strictFor(group, untrusted, wished);
    }
    if (requested == null || wished == null || requested == wished) {
      return requested == null ? wished : requested;
    }
    throw new IommuException(
        Errno.EINVAL,
        "group " + group.id() + " cannot be of type " + requested + ": its devices need " + wished);
  }

  /** The glue of 32-bit ARM cannot keep a device that nobody trusts in a domain of its own. */
  @GuardedBy("group.lock")
  private static void requireTranslation(GroupImpl group, DmaBuild build, PciDevice untrusted) {
    if (build == DmaBuild.ARM_GLUE) {
      throw impossible(group, "untrusted-device", "device " + untrusted + " is not trusted");
    }
  }

  /** Nobody could use a DMA domain, so nobody may wish for one (CORE-153). */
  @GuardedBy("group.lock")
  private static DomainType withoutDmaLayer(GroupImpl group, @Nullable DomainType wished) {
    if (wished == DomainType.DMA) {
      throw impossible(group, "dma-without-layer", "its devices need type DMA");
    }
    return wished == null ? DomainType.IDENTITY : wished;
  }

  private static IommuException impossible(GroupImpl group, String token, String because) {
    String text = "group " + group.id() + " cannot be set up in this build: " + because;
    group.services.trace().violation(1017, token, text);
    return new IommuException(Errno.EINVAL, text);
  }

  /** Keeps the first wish, except that identity wins over anything. */
  @GuardedBy("group.lock")
  private static @Nullable DomainType combine(
      GroupImpl group, DevIommuImpl device, @Nullable DomainType soFar) {
    DomainType wish = wishOf(group, device);
    if (wish == null || wish == soFar) {
      return soFar;
    }
    if (soFar == null) {
      return wish;
    }
    group
        .services
        .trace()
        .message(
            CoreMessage.CONFLICTING_WISHES,
            device.device(),
            "device " + device + " wants a default domain of type " + wish + ", others " + soFar);
    return wish == DomainType.IDENTITY ? wish : soFar;
  }

  /** BLOCKED has the value 0 and so means "no wish" (CORE-010). */
  private static @Nullable DomainType wishOf(GroupImpl group, DevIommuImpl device) {
    Driver driver = device.driver();
    CoreDomain only = driver.defaultDomain();
    DomainType wish;
    if (only != null) {
      wish = only.type();
    } else if (driver.has(IommuOp.DEF_DOMAIN_TYPE)) {
      wish = ask(group, driver, device);
    } else {
      wish = null;
    }
    return wish == DomainType.BLOCKED ? null : wish;
  }

  private static @Nullable DomainType ask(GroupImpl group, Driver driver, DevIommu device) {
    try {
      return group
          .services
          .guard()
          .<@Nullable DomainType>call(
              "def_domain_type", device, () -> driver.ops().defDomainType(device));
    } catch (IommuException cannotSay) {
      return null;
    }
  }

  private static DomainType strictFor(
      GroupImpl group, Device untrusted, @Nullable DomainType wished) {
    if (wished != null && wished != DomainType.DMA) {
      String text =
          "device "
              + untrusted
              + " is not trusted, but a driver demands type "
              + wished
              + " for group "
              + group.id();
      group.services.trace().message(CoreMessage.UNTRUSTED_REFUSED, untrusted, text);
      throw new IommuException(Errno.EINVAL, text);
    }
    return DomainType.DMA;
  }
}
