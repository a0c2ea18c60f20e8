package org.iommu4j.testkit.sysfs;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.iommu4j.api.Caller;
import org.iommu4j.core.sysfs.DevicePath;
import org.iommu4j.core.sysfs.SparseDirectory;
import org.iommu4j.core.sysfs.SysfsAttribute;
import org.iommu4j.core.sysfs.SysfsDirectory;
import org.iommu4j.core.sysfs.SysfsLink;
import org.iommu4j.core.sysfs.SysfsNode;
import org.iommu4j.testkit.linux.LinuxDriver;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.linux.PciFunction;

/** {@code /sys/bus/pci}: the devices, the drivers and what looks for new ones. */
final class BusFiles {
  static final String ROOT = "/sys/bus/pci";
  static final String DRIVERS = ROOT + "/drivers";
  private static final String DEVICES = ROOT + "/devices";

  private final LinuxPci linux;

  BusFiles(LinuxPci linux) {
    this.linux = linux;
  }

  SysfsDirectory directory() {
    return new SparseDirectory<>(ROOT, this::paths, path -> path, this::files);
  }

  private List<String> paths() {
    List<String> paths = new ArrayList<>(List.of(ROOT, DEVICES, DRIVERS));
    driverNames().forEach(driver -> paths.add(DRIVERS + "/" + driver));
    return paths;
  }

  private Map<String, SysfsNode> files(String path) {
    return switch (path) {
      case ROOT -> busFiles();
      case DEVICES -> deviceLinks();
      case DRIVERS -> Map.of();
      default -> driverFiles(path.substring(DRIVERS.length() + 1));
    };
  }

  private Map<String, SysfsNode> busFiles() {
    return Map.of(
        "rescan",
        SysfsAttribute.writeOnly(this::rescan),
        "drivers_probe",
        SysfsAttribute.writeOnly((text, caller) -> linux.driversProbe(Words.name(text))),
        "drivers_autoprobe",
        SysfsAttribute.readWrite(
            () -> linux.driversAutoprobe() ? "1\n" : "0\n",
            (text, caller) -> linux.driversAutoprobe(!text.startsWith("0"))));
  }

  private void rescan(String text, Caller caller) {
    if (Words.number(text, Long.MAX_VALUE) != 0) {
      linux.rescan();
    }
  }

  private Map<String, SysfsNode> deviceLinks() {
    Map<String, SysfsNode> links = new HashMap<>();
    for (PciFunction function : linux.functions()) {
      links.put(function.address(), new SysfsLink(DevicePath.of(function.device())));
    }
    return links;
  }

  /** Those that are loaded, and those that came with the machine. */
  private Set<String> driverNames() {
    Set<String> names = new TreeSet<>();
    linux.drivers().forEach(driver -> names.add(driver.name()));
    for (PciFunction function : linux.functions()) {
      function.driver().map(LinuxDriver::name).ifPresent(names::add);
    }
    return names;
  }

  private Map<String, SysfsNode> driverFiles(String driver) {
    Map<String, SysfsNode> files = new HashMap<>();
    files.put(
        "bind",
        SysfsAttribute.writeOnly((text, caller) -> linux.bind(driver, Words.name(text)))
            .aliveWhile(() -> driverNames().contains(driver)));
    files.put(
        "unbind",
        SysfsAttribute.writeOnly(
                (text, caller) -> {
                  String address = Words.name(text);
                  Waits.forEnd(linux.unbind(driver, address), address);
                })
            .aliveWhile(() -> driverNames().contains(driver)));
    for (PciFunction function : linux.functions()) {
      if (function.driver().filter(bound -> bound.name().equals(driver)).isPresent()) {
        files.put(function.address(), new SysfsLink(DevicePath.of(function.device())));
      }
    }
    return files;
  }
}
