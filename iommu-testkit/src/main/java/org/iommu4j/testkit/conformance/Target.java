package org.iommu4j.testkit.conformance;

import org.iommu4j.api.Device;
import org.iommu4j.api.IommuGroup;
import org.jspecify.annotations.Nullable;

/**
 * What an op is about: a group or a device, one of the two.
 *
 * @param group the group, or null
 * @param device the device, or null
 */
record Target(@Nullable GroupRef group, @Nullable Device device) {
  /** An op for either. */
  Action action(GroupUse forGroup, DeviceUse forDevice) {
    if (group != null) {
      GroupRef named = group;
      return session -> forGroup.run(session, session.group(named));
    }
    if (device != null) {
      Device named = device;
      return session -> forDevice.run(session, named);
    }
    throw new IllegalStateException("neither a group nor a device");
  }

  /** What an op does with a group. */
  @FunctionalInterface
  interface GroupUse {
    String run(Session session, IommuGroup group);
  }

  /** What an op does with a device. */
  @FunctionalInterface
  interface DeviceUse {
    String run(Session session, Device device);
  }
}
