package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.PagingDomainImpl;
import org.iommu4j.core.group.DomainSwitch.Mode;
import org.jspecify.annotations.Nullable;

/**
 * Installs the default domain of a group: at first set-up and at a change (CORE-160 to 178).
 *
 * <p>Direct mappings are made before anything is attached, so that firmware's DMA never stops. The
 * default pointer moves before the attach, because a deferred device stays deferred only on its
 * default domain.
 */
final class DefaultDomain {
  private DefaultDomain() {}

  /**
   * Sets the default domain up.
   *
   * @param requested the wanted type, or null for automatic
   * @return null on success, also if the wanted domain is installed already
   */
  @GuardedBy("group.lock")
  static @Nullable IommuException setUp(GroupImpl group, @Nullable DomainType requested) {
    CoreDomain made;
    try {
      made = allocate(group, DefaultType.choose(group, requested));
    } catch (IommuException refused) {
      return refused;
    }
    if (made == group.defaultDomain) {
      return null;
    }
    IommuException noCookie = getCookie(group, made);
    if (noCookie != null) {
      made.free();
      return noCookie;
    }
    return install(group, made);
  }

  private static @Nullable IommuException getCookie(GroupImpl group, CoreDomain made) {
    if (made instanceof PagingDomainImpl paging && paging.type().isDma()) {
      return group
          .services
          .guard()
          .attempt(
              "dma_layer.get_cookie", paging, () -> paging.getDmaCookie(group.services.dmaLayer()));
    }
    return null;
  }

  @GuardedBy("group.lock")
  private static @Nullable IommuException install(GroupImpl group, CoreDomain made) {
    CoreDomain previous = group.defaultDomain;
    boolean directFailed = mapDirect(group, made);
    group.setDefaultDomain(made);
    if (group.current == null) {
      // First set-up: there is nothing to go back to. Both pointers name the new domain even if a
      // member failed, and the unwinding probe frees it with the last member (CORE-175).
      IommuException failure =
          DomainSwitch.set(group, made, Mode.MUST_SUCCEED, "default domain set-up");
      if (failure != null) {
        group.services.trace().violation(1018, "first-attach-failed", failure.toString());
        return failure;
      }
    } else {
      IommuException failure =
          DomainSwitch.set(group, made, Mode.ROLLBACK, "default domain change");
      if (failure != null) {
        restore(group, previous, made);
        return failure;
      }
    }
    if (directFailed) {
      IommuException failure = retryDirect(group, made, previous);
      if (failure != null) {
        return failure;
      }
    }
    if (previous != null) {
      previous.freeByCore();
    }
    return null;
  }

  /** First attempt for all members; a failure is only remembered (CORE-173). */
  @GuardedBy("group.lock")
  private static boolean mapDirect(GroupImpl group, CoreDomain made) {
    boolean failed = false;
    for (Member member : group.members) {
      DevIommuImpl device = member.iommu();
      if (device == null) {
        continue;
      }
      IommuException failure = DirectMappings.create(group.services, made, device);
      if (failure != null) {
        failed = true;
        group
            .services
            .trace()
            .messageOnce(
                CoreMessage.DIRECT_MAPPING_FAILED,
                device.device(),
                "device " + device + " cannot be direct mapped: " + failure.getMessage());
      }
    }
    return failed;
  }

  /** Second attempt, after the attach; only its failure counts (CORE-177). */
  @GuardedBy("group.lock")
  private static @Nullable IommuException retryDirect(
      GroupImpl group, CoreDomain made, @Nullable CoreDomain previous) {
    for (Member member : group.members) {
      DevIommuImpl device = member.iommu();
      IommuException failure =
          device == null ? null : DirectMappings.create(group.services, made, device);
      if (failure != null) {
        if (previous != null) {
          var unused =
              DomainSwitch.set(group, previous, Mode.MUST_SUCCEED, "failed direct mapping");
        }
        restore(group, previous, made);
        return failure;
      }
    }
    return null;
  }

  /** Without a previous default the new one stays, and the unwinding probe cleans up. */
  @GuardedBy("group.lock")
  private static void restore(GroupImpl group, @Nullable CoreDomain previous, CoreDomain made) {
    if (previous != null) {
      group.setDefaultDomain(previous);
      made.freeByCore();
    }
  }

  /** Allocates by CORE-160 to 162; null means automatic. */
  @GuardedBy("group.lock")
  private static CoreDomain allocate(GroupImpl group, @Nullable DomainType type) {
    DevIommuImpl first = group.firstDevice();
    CoreDomain only = first.driver().defaultDomain();
    if (only != null) {
      boolean fits = type == null ? only.type() == DomainType.BLOCKED : only.type() == type;
      if (!fits) {
        throw new IommuException(
            Errno.EINVAL, "driver " + first.driver() + " supports only " + only + ", not " + type);
      }
      return only;
    }
    return type == null ? allocateAutomatic(group, first) : allocateExact(group, first, type);
  }

  @GuardedBy("group.lock")
  private static CoreDomain allocateAutomatic(GroupImpl group, DevIommuImpl first) {
    DomainType global = group.services.policy().defaultType();
    try {
      return allocateExact(group, first, global);
    } catch (IommuException refused) {
      if (global == DomainType.DMA) {
        // Whatever the driver said, the answer is EINVAL (CORE-162).
        throw new IommuException(
            Errno.EINVAL, "no default domain for group " + group.id(), refused);
      }
    }
    CoreDomain fallback = allocateExact(group, first, DomainType.DMA);
    group
        .services
        .trace()
        .message(
            CoreMessage.FALLBACK_TO_DMA,
            first.device(),
            "group " + group.id() + ": no domain of type " + global + ", using DMA");
    return fallback;
  }

  /** Allocates one type, or answers the installed domain if it has it (CORE-163 to 165). */
  @GuardedBy("group.lock")
  private static CoreDomain allocateExact(GroupImpl group, DevIommuImpl first, DomainType type) {
    CoreDomain installed = group.defaultDomain;
    if (installed != null && installed.type() == type) {
      return installed;
    }
    if (type.isPaging()) {
      return allocatePaging(group, first, type);
    }
    if (type == DomainType.IDENTITY) {
      return first.driver().identityFor(first);
    }
    throw new IommuException(
        Errno.EINVAL, "type " + type + " cannot be a default domain of group " + group.id());
  }

  /** Assumes that a device with PASIDs will use them, unless the driver cannot (CORE-164). */
  private static CoreDomain allocatePaging(GroupImpl group, DevIommuImpl first, DomainType type) {
    Set<AllocFlag> wish = first.maxPasids() == 0 ? Set.of() : Set.of(AllocFlag.PASID);
    PagingDomainImpl made;
    try {
      made = first.driver().allocPaging(first, type, wish);
    } catch (IommuException refused) {
      if (refused.errno() != Errno.EOPNOTSUPP) {
        throw refused;
      }
      made = first.driver().allocPaging(first, type, Set.of());
    }
    made.setDmaLayer(group.services.dmaLayer());
    return made;
  }
}
