package org.iommu4j.testkit.vfio;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/**
 * Groups that share one set of mappings. It lives as long as a descriptor or a group refers to it.
 *
 * <p>Guarded by the lock of {@link FakeVfio}.
 */
final class Container {
  private final FakeVfio vfio;
  private final List<GroupNode> groups = new ArrayList<>();
  private @Nullable Type1 iommu;

  Container(FakeVfio vfio) {
    this.vfio = vfio;
  }

  boolean hasIommu() {
    return iommu != null;
  }

  /**
   * The mappings.
   *
   * @throws IommuException EINVAL as long as no IOMMU has been set
   */
  Type1 iommu(String operation) {
    if (iommu == null) {
      throw new IommuException(Errno.EINVAL, operation + ": the container has no IOMMU");
    }
    return iommu;
  }

  /** All groups or none. A container stays as it was if one of them is refused. */
  void setIommu() {
    if (groups.isEmpty() || iommu != null) {
      throw new IommuException(
          Errno.EINVAL,
          groups.isEmpty()
              ? "a container without groups cannot get an IOMMU"
              : "the container has its IOMMU already");
    }
    Type1 made = new Type1(vfio);
    List<GroupNode> attached = new ArrayList<>();
    try {
      for (GroupNode group : groups) {
        made.attach(group);
        attached.add(group);
      }
    } catch (IommuException refused) {
      for (int i = attached.size() - 1; i >= 0; i--) {
        made.detach(attached.get(i));
      }
      throw refused;
    }
    iommu = made;
  }

  /**
   * Takes a group in: claims its DMA, and attaches it if the container has its IOMMU.
   *
   * @throws IommuException EPERM if somebody uses the group; otherwise the error of the attachment
   */
  void join(GroupNode group) {
    group.group().claimDmaOwner(group.owner());
    if (iommu != null) {
      try {
        iommu.attach(group);
      } catch (IommuException refused) {
        group.group().releaseDmaOwner();
        throw refused;
      }
    }
    group.container(this);
    groups.add(group);
  }

  /** Lets a group go; with the last one the IOMMU goes too. */
  void leave(GroupNode group) {
    if (iommu != null) {
      iommu.detach(group);
    }
    group.group().releaseDmaOwner();
    group.container(null);
    groups.remove(group);
    if (groups.isEmpty()) {
      iommu = null;
    }
  }
}
