package org.iommu4j.testkit.sysfs;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.sysfs.DevicePath;
import org.iommu4j.core.sysfs.SparseDirectory;
import org.iommu4j.core.sysfs.SysfsAttribute;
import org.iommu4j.core.sysfs.SysfsDirectory;
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

  /** In the directories of the bridges. */
  SysfsDirectory directory() {
    return new SparseDirectory<>(
        DevicePath.ROOT, () -> links().entrySet(), Map.Entry::getValue, this::files);
  }

  /** {@code /sys/class/pci_bus}. */
  SysfsDirectory classDirectory() {
    return new SparseDirectory<>(
        CLASS,
        () -> List.of(CLASS),
        path -> path,
        path -> {
          Map<String, SysfsNode> links = new HashMap<>();
          links().forEach((name, target) -> links.put(name, new SysfsLink(target)));
          return links;
        });
  }

  /** The buses whose bridges are there, and where their directories are. */
  private Map<String, String> links() {
    Map<String, String> present = new TreeMap<>();
    buses.forEach(
        (name, bus) -> {
          String holder = holder(name, bus);
          if (holder != null) {
            present.put(name, holder + "/pci_bus/" + name);
          }
        });
    return present;
  }

  /** The directory above; null while the bridge is not there. */
  private @Nullable String holder(String name, Known bus) {
    return bus.bridge() == null
        ? DevicePath.ROOT + "/pci" + name
        : linux.find(bus.bridge()).map(PciFunction::device).map(DevicePath::of).orElse(null);
  }

  private Map<String, SysfsNode> files(Map.Entry<String, String> present) {
    String name = present.getKey();
    Known bus = buses.get(name);
    if (bus == null) {
      return Map.of();
    }
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
