package org.iommu4j.jcstress;

import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.core.IommuCore;
import org.jspecify.annotations.Nullable;

/** A core with one device, which has a group of its own. */
final class OneGroup {
  private final PlatformDevice device = PlatformDevice.builder("device").build();
  private final IommuCore core = IommuCore.create(new StillIommu());
  private final IommuGroup group = core.probeDevice(device).group();

  /** 0 or an errno. */
  int claim(DmaOwner owner) {
    return errnoOf(() -> group.claimDmaOwner(owner));
  }

  /** 0 or an errno. */
  int release() {
    return errnoOf(group::releaseDmaOwner);
  }

  /** 0 or an errno. */
  int useForADriver() {
    return errnoOf(() -> core.useDefaultDomain(device));
  }

  private static int errnoOf(Runnable call) {
    try {
      call.run();
      return 0;
    } catch (IommuException refusal) {
      return refusal.errno().number();
    }
  }

  /** 1 if the group has this owner or none, is where that wants it, and nobody complained. */
  int isOwnedBy(@Nullable DmaOwner owner) {
    GroupSnapshot now = group.snapshot();
    var wanted = owner == null ? now.defaultDomain() : now.blockingDomain();
    boolean good =
        now.owner() == owner
            && now.currentDomain() == wanted
            && wanted != null
            && core.violations().isEmpty();
    return good ? 1 : 0;
  }
}
