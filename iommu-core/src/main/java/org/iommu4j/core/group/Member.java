package org.iommu4j.core.group;

import org.iommu4j.api.Device;
import org.jspecify.annotations.Nullable;

/** A device in a group's list; everything mutable is guarded by the group lock. */
public final class Member {
  private final DeviceState state;
  private final String linkName;

  /** Whether the hardware is parked on the blocking domain for a reset (CORE-034). */
  boolean blocked;

  /** How many resets are nested. */
  int resetDepth;

  Member(DeviceState state, String linkName) {
    this.state = state;
    this.linkName = linkName;
  }

  /** The device's state. */
  public DeviceState state() {
    return state;
  }

  Device device() {
    return state.device();
  }

  String linkName() {
    return linkName;
  }

  /** The IOMMU side; null for members of groups without an IOMMU driver. */
  public @Nullable DevIommuImpl iommu() {
    return state.apiDevice();
  }
}
