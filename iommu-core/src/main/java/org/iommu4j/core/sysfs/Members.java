package org.iommu4j.core.sysfs;

import java.util.List;
import java.util.Optional;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.IommuDevice;

/** Asks about things that may go while they are asked. */
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

  /** The IOMMU that serves a device; none if it has been released since it was looked up. */
  static Optional<IommuDevice> iommuOf(IommuCore core, Device device) {
    try {
      return core.deviceOf(device).map(DevIommu::iommu);
    } catch (IommuException gone) {
      if (gone.errno() == Errno.ENODEV) {
        return Optional.empty();
      }
      throw gone;
    }
  }
}
