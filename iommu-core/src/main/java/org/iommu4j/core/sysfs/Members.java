package org.iommu4j.core.sysfs;

import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;

/** Asks groups for their members. */
final class Members {
  private Members() {}

  /** The members of a group; none if it has ended since it was looked up. */
  static List<GroupSnapshot.Member> of(IommuGroup group) {
    try {
      return group.snapshot().members();
    } catch (IommuException gone) {
      if (gone.errno() == Errno.ENODEV) {
        return List.of();
      }
      throw gone;
    }
  }
}
