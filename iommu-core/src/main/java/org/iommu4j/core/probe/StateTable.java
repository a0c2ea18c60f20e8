package org.iommu4j.core.probe;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.iommu4j.api.Device;
import org.iommu4j.core.group.DeviceState;
import org.iommu4j.core.group.GroupImpl;
import org.iommu4j.core.lock.LockOrder;
import org.jspecify.annotations.Nullable;

/** The state of every device this core has met. Devices compare by identity. Thread-safe. */
final class StateTable {
  private final LockOrder order;
  private final Map<Device, DeviceState> states = new ConcurrentHashMap<>();

  StateTable(LockOrder order) {
    this.order = order;
  }

  /** The state, made if the device is new. */
  DeviceState obtain(Device device) {
    return states.computeIfAbsent(device, fresh -> new DeviceState(fresh, order));
  }

  /** The state of a device the core has met. */
  @Nullable DeviceState get(Device device) {
    return states.get(device);
  }

  @Nullable GroupImpl groupOf(Device device) {
    DeviceState state = states.get(device);
    return state == null ? null : state.group();
  }

  /**
   * The group of a device, with a new reference.
   *
   * <p>A device forgets its group before it drops the group's reference. So if the group has ended
   * between the look and the reference, the next look finds another group, or none.
   */
  @Nullable GroupImpl refGroupOf(Device device) {
    GroupImpl group = groupOf(device);
    while (group != null && !group.tryRef()) {
      group = groupOf(device);
    }
    return group;
  }

  /** Forgets a device that has left and of which nothing remains. */
  void forgetIfIdle(Device device) {
    states.computeIfPresent(
        device,
        (same, state) ->
            state.group() == null && state.iommu() == null && !state.driverBound() ? null : state);
  }
}
