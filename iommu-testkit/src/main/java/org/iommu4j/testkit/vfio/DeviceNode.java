package org.iommu4j.testkit.vfio;

import org.iommu4j.api.Device;
import org.jspecify.annotations.Nullable;

/** A device of a VFIO driver. Guarded by the lock of {@link FakeVfio}. */
final class DeviceNode {
  private final Device device;
  private final GroupNode group;
  private int opened;
  private @Nullable Runnable waiting;

  DeviceNode(Device device, GroupNode group) {
    this.device = device;
    this.group = group;
  }

  Device device() {
    return device;
  }

  GroupNode group() {
    return group;
  }

  boolean opened() {
    return opened > 0;
  }

  void open() {
    opened++;
  }

  void close() {
    opened--;
  }

  /** Somebody waits for the device to be free. */
  void await(Runnable then) {
    waiting = then;
  }

  boolean requested() {
    return waiting != null;
  }

  @Nullable Runnable takeWaiting() {
    Runnable then = waiting;
    waiting = null;
    return then;
  }
}
