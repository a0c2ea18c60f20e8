package org.iommu4j.testkit.sysfs;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.iommu4j.api.Caller;
import org.iommu4j.core.sysfs.DevicePath;
import org.iommu4j.core.sysfs.SysfsAttribute;
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

  Map<String, Supplier<Map<String, SysfsNode>>> directories() {
    Map<String, Supplier<Map<String, SysfsNode>>> all = new HashMap<>();
    all.put(ROOT, this::busFiles);
    all.put(DEVICES, this::deviceLinks);
    all.put(DRIVERS, Map::of);
    for (String driver : driverNames()) {
      all.put(DRIVERS + "/" + driver, () -> driverFiles(driver));
    }
    return all;
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
