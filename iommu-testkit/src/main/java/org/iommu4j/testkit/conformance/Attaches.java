package org.iommu4j.testkit.conformance;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/** What every domain of a recording driver does when a device or a PASID comes to it. */
final class Attaches {
  private Attaches() {}

  static void attach(Recording recording, Domain self, DevIommu device, @Nullable Domain old) {
    String name = recording.name(device.device());
    finish(recording, "attach", name, "attach " + name, self, device, old);
  }

  static void setPasid(
      Recording recording, Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    String name = recording.name(device.device());
    String start = "set_dev_pasid " + name + " " + Integer.toUnsignedString(pasid);
    finish(recording, "set_dev_pasid", name, start, self, device, old);
  }

  private static void finish(
      Recording recording,
      String callback,
      String subject,
      String start,
      Domain self,
      DevIommu device,
      @Nullable Domain old) {
    FaultPlan.Fault fault = recording.faults().next(callback, subject);
    IommuException failure = fault == null ? null : fault.exception(Errno.EINVAL);
    // The query may record a violation, whose line precedes this one.
    String current = recording.queries() ? " cur=" + recording.name(device.driverDomain()) : "";
    recording.callback(
        start
            + " -> "
            + recording.typedName(self)
            + " (old "
            + recording.name(old)
            + ") = "
            + Recording.result(failure)
            + current);
    if (failure != null) {
      throw failure;
    }
  }
}
