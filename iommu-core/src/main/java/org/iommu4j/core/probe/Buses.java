package org.iommu4j.core.probe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.BusType;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;

/** Which devices are on which bus, in the order in which they appeared. Thread-safe. */
final class Buses {
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final Map<BusType, Set<Device>> devices = new EnumMap<>(BusType.class);

  /** Puts a device on its bus; false if it is there. */
  boolean add(Device device) {
    synchronized (lock) {
      return devices.computeIfAbsent(device.busType(), unused -> new LinkedHashSet<>()).add(device);
    }
  }

  /** Whether a device is on its bus. */
  boolean contains(Device device) {
    synchronized (lock) {
      return devices.getOrDefault(device.busType(), Set.of()).contains(device);
    }
  }

  /** Takes a device off its bus; false if it is not there. */
  boolean remove(Device device) {
    synchronized (lock) {
      Set<Device> bus = devices.get(device.busType());
      return bus != null && bus.remove(device);
    }
  }

  /** The devices of one bus. */
  List<Device> on(BusType bus) {
    synchronized (lock) {
      return List.copyOf(devices.getOrDefault(bus, Set.of()));
    }
  }

  /** The PCI functions that are present. */
  List<PciDevice> pci() {
    return on(BusType.PCI).stream().map(PciDevice.class::cast).toList();
  }
}
