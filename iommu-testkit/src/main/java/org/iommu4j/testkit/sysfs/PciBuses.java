package org.iommu4j.testkit.sysfs;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.sysfs.DevicePath;
import org.iommu4j.core.sysfs.SysfsAttribute;
import org.iommu4j.core.sysfs.SysfsLink;
import org.iommu4j.core.sysfs.SysfsNode;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.linux.PciFunction;
import org.jspecify.annotations.Nullable;

/**
 * The class devices of PCI buses: {@code pci_bus/<bus>} in the directory of the bridge above. Buses
 * are remembered from the start: one whose functions have all been removed can still be scanned.
 */
final class PciBuses {
  static final String CLASS = "/sys/class/pci_bus";

  private final LinuxPci linux;
  private final Map<String, Known> buses = new TreeMap<>();

  /** A bus by its number; which object stands for it changes when its bridge comes back. */
  private record Known(int segment, int number, @Nullable String bridge) {}

  PciBuses(LinuxPci linux) {
    this.linux = linux;
    for (Device device : linux.machine().devices()) {
      if (device instanceof PciDevice function) {
        add(function.bus());
        linux
            .machine()
            .topology()
            .flatMap(topology -> topology.busBelow(function))
            .ifPresent(this::add);
      }
    }
  }

  /** A virtual bus cannot be scanned: nothing leads to it. */
  private void add(PciBus bus) {
    PciDevice bridge = bus.bridge();
    if (bus.isRoot() || bridge != null) {
      buses.putIfAbsent(
          bus.toString(),
          new Known(bus.segment(), bus.number(), bridge == null ? null : bridge.name()));
    }
  }

  Map<String, Supplier<Map<String, SysfsNode>>> directories() {
    Map<String, Supplier<Map<String, SysfsNode>>> all = new HashMap<>();
    buses.forEach(
        (name, bus) -> {
          String holder = holder(name, bus);
          if (holder != null) {
            all.put(holder + "/pci_bus/" + name, () -> files(name, bus));
          }
        });
    return all;
  }

  Map<String, Supplier<Map<String, SysfsNode>>> classEntries() {
    return Map.of(
        CLASS,
        () -> {
          Map<String, SysfsNode> links = new HashMap<>();
          buses.forEach(
              (name, bus) -> {
                String holder = holder(name, bus);
                if (holder != null) {
                  links.put(name, new SysfsLink(holder + "/pci_bus/" + name));
                }
              });
          return links;
        });
  }

  /** The directory above; null while the bridge is not there. */
  private @Nullable String holder(String name, Known bus) {
    return bus.bridge() == null
        ? DevicePath.ROOT + "/pci" + name
        : linux.find(bus.bridge()).map(PciFunction::device).map(DevicePath::of).orElse(null);
  }

  private Map<String, SysfsNode> files(String name, Known bus) {
    return Map.of(
        "rescan",
        SysfsAttribute.writeOnly(
                (text, caller) -> {
                  if (Words.number(text, Long.MAX_VALUE) != 0) {
                    linux.rescanBus(bus.segment(), bus.number());
                  }
                })
            .aliveWhile(() -> holder(name, bus) != null),
        "subsystem",
        new SysfsLink(CLASS));
  }
}
