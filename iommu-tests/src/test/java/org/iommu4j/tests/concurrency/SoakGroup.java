package org.iommu4j.tests.concurrency;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.Device;

/**
 * The devices that belong together.
 *
 * @param devices the first one stays plugged in, if the group has an anchor
 * @param anchored whether the first device is never removed, so that the group can be owned
 * @param second whether the IOMMU that comes and goes serves it
 * @param busy raised by the driver while it works for the group
 */
record SoakGroup(List<Device> devices, boolean anchored, boolean second, AtomicBoolean busy) {
  SoakGroup(List<Device> devices, boolean anchored, boolean second) {
    this(List.copyOf(devices), anchored, second, new AtomicBoolean());
  }

  Device anchor() {
    return devices.get(0);
  }

  @Override
  public String toString() {
    return "the group of " + anchor();
  }
}
