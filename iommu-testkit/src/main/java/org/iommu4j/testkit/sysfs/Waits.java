package org.iommu4j.testkit.sysfs;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.testkit.linux.Removal;

/** Writes that sleep on a real system until somebody lets a device go. */
final class Waits {
  private Waits() {}

  static void forEnd(Removal removal, String address) {
    if (!removal.finished()) {
      throw new IommuException(
          Errno.EINPROGRESS, "device " + address + " goes when nobody holds it any more");
    }
  }
}
