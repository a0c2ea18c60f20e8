package org.iommu4j.core.probe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.BusType;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;

/** Which devices are on which bus, in the order in which they appeared. Thread-safe. */
final class Buses {
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final Map<BusType, Set<Device>> devices = new EnumMap<>(BusType.class);

  /** The PCI functions once more, by bus: grouping looks at neighbours only. */
  @GuardedBy("lock")
  private final Map<PciBus, Set<PciDevice>> functions = new HashMap<>();

  /** Puts a device on its bus; false if it is there. */
  boolean add(Device device) {
    synchronized (lock) {
      if (device instanceof PciDevice pci) {
        functions.computeIfAbsent(pci.bus(), unused -> new LinkedHashSet<>()).add(pci);
      }
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
      if (device instanceof PciDevice pci) {
        removeFunction(pci);
      }
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

  @GuardedBy("lock")
  private void removeFunction(PciDevice function) {
    Set<PciDevice> neighbours = functions.get(function.bus());
    if (neighbours != null && neighbours.remove(function) && neighbours.isEmpty()) {
      functions.remove(function.bus());
    }
  }

  /** The functions that are present on one PCI bus. */
  List<PciDevice> functions(PciBus bus) {
    synchronized (lock) {
      return List.copyOf(functions.getOrDefault(bus, Set.of()));
    }
  }
}
