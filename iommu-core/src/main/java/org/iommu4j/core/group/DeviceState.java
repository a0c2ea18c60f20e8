package org.iommu4j.core.group;

import org.iommu4j.api.Device;
import org.iommu4j.api.Mirrors;
import org.iommu4j.core.lock.DeviceLock;
import org.iommu4j.core.lock.LockOrder;
import org.jspecify.annotations.Nullable;

/**
 * What one core knows about one device, whether it is probed or not.
 *
 * <p>{@code iommu} changes under the probe lock, or under the group lock when the device leaves its
 * group; {@code group} changes before the device is listed or under the lock of the group it
 * leaves. Both are volatile because look-ups take no lock (CORE-024).
 */
public final class DeviceState {
  private final Device device;
  private final DeviceLock lock;
  private volatile @Nullable DevIommuImpl iommu;
  private volatile @Nullable GroupImpl group;
  private volatile boolean driverBound;
  private volatile boolean countedAsUser;

  /** Creates the state of a device nobody has looked at. */
  public DeviceState(Device device, LockOrder order) {
    this.device = device;
    this.lock = new DeviceLock(order, device.name());
  }

  /** The device. */
  public Device device() {
    return device;
  }

  /** The lock under which drivers are bound and unbound. */
  public DeviceLock lock() {
    return lock;
  }

  /** The per-device object, as soon as firmware or a probe made it. */
  public @Nullable DevIommuImpl iommu() {
    return iommu;
  }

  /** Sets or clears the per-device object. */
  @Mirrors("dev_iommu_free")
  public void setIommu(@Nullable DevIommuImpl now) {
    iommu = now;
  }

  /** The per-device object once a driver has taken the device, else null. */
  public @Nullable DevIommuImpl apiDevice() {
    DevIommuImpl now = iommu;
    return now != null && now.hasDriver() ? now : null;
  }

  /** The group. */
  public @Nullable GroupImpl group() {
    return group;
  }

  /** Enters a group unless the device has one; of two callers one wins. */
  public synchronized boolean tryEnter(GroupImpl wanted) {
    if (group != null) {
      return false;
    }
    group = wanted;
    return true;
  }

  /** Sets or clears the group. */
  public void setGroup(@Nullable GroupImpl now) {
    group = now;
  }

  /** Whether a driver is bound or being bound. */
  public boolean driverBound() {
    return driverBound;
  }

  /** Notes that a driver is bound or being bound, or not any more. */
  public void setDriverBound(boolean bound) {
    driverBound = bound;
  }

  /** Whether the bound driver was counted as a user of the DMA API. */
  public boolean countedAsUser() {
    return countedAsUser;
  }

  /** Notes whether the bound driver was counted. */
  public void setCountedAsUser(boolean counted) {
    countedAsUser = counted;
  }

  @Override
  public String toString() {
    return device.toString();
  }
}
