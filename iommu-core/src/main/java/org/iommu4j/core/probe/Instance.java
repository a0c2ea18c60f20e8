package org.iommu4j.core.probe;

import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.core.group.GroupImpl;
import org.iommu4j.core.group.GroupTable;
import org.iommu4j.spi.IommuDevice;
import org.jspecify.annotations.Nullable;

/** An IOMMU that is or was registered with this core. */
final class Instance {
  private final IommuDevice device;
  private final Driver driver;
  private final @Nullable FirmwareNode node;
  private final int maxPasids;

  /** Not reset when the instance is unregistered: neither does Linux (CORE-055). */
  private volatile boolean ready;

  /** The one group of all devices, with a reference of its own; under the probe lock. */
  private @Nullable GroupImpl singleton;

  Instance(IommuDevice device, Driver driver, @Nullable FirmwareNode node, int maxPasids) {
    this.device = device;
    this.driver = driver;
    this.node = node;
    this.maxPasids = maxPasids;
  }

  IommuDevice device() {
    return device;
  }

  Driver driver() {
    return driver;
  }

  @Nullable FirmwareNode node() {
    return node;
  }

  int maxPasids() {
    return maxPasids;
  }

  @Mirrors("iommu_device.ready")
  boolean ready() {
    return ready;
  }

  void setReady() {
    ready = true;
  }

  /**
   * The cached group with a new reference (CORE-131).
   *
   * @throws IommuException if it cannot be made; nothing is cached then
   */
  GroupImpl singletonGroup(GroupTable table) {
    GroupImpl cached = singleton;
    if (cached == null) {
      cached = table.allocate();
      singleton = cached;
    }
    cached.ref();
    return cached;
  }

  /** Takes the cached group out; its reference is the caller's now. */
  @Nullable GroupImpl takeSingletonGroup() {
    GroupImpl cached = singleton;
    singleton = null;
    return cached;
  }
}
