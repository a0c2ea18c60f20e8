package org.iommu4j.testkit.sysfs;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.iommu4j.core.sysfs.DevicePath;
import org.iommu4j.core.sysfs.SparseDirectory;
import org.iommu4j.core.sysfs.SysfsAttribute;
import org.iommu4j.core.sysfs.SysfsDirectory;
import org.iommu4j.core.sysfs.SysfsLink;
import org.iommu4j.core.sysfs.SysfsNode;
import org.iommu4j.core.sysfs.Uevent;
import org.iommu4j.testkit.linux.LinuxDriver;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.linux.PciFunction;
import org.iommu4j.testkit.linux.SriovFacts;

/** What the directory of a PCI function has in it, besides the links of the core. */
final class FunctionFiles {
  private static final int MAX_VFS = 0xffff;

  private final LinuxPci linux;

  FunctionFiles(LinuxPci linux) {
    this.linux = linux;
  }

  SysfsDirectory directory() {
    return new SparseDirectory<>(
        DevicePath.ROOT,
        linux::functions,
        function -> DevicePath.of(function.device()),
        this::files);
  }

  private Map<String, SysfsNode> files(PciFunction function) {
    Map<String, SysfsNode> files = new HashMap<>();
    addFacts(files, function);
    addActions(files, function);
    addLinks(files, function);
    function.sriov().ifPresent(sriov -> addSriov(files, function, sriov));
    files.replaceAll((name, node) -> whilePresent(function, node));
    return files;
  }

  /** A function that comes back is another one: handles of the first stay stale. */
  private SysfsNode whilePresent(PciFunction function, SysfsNode node) {
    return node instanceof SysfsAttribute attribute
        ? attribute.aliveWhile(
            () -> linux.find(function.address()).filter(now -> now == function).isPresent())
        : node;
  }

  private static void addFacts(Map<String, SysfsNode> files, PciFunction function) {
    files.put("vendor", hex(4, function.id().vendor()));
    files.put("device", hex(4, function.id().device()));
    files.put("class", hex(6, function.id().classCode()));
    files.put("uevent", Uevent.file(() -> uevent(function)));
  }

  private static SysfsAttribute hex(int digits, int value) {
    return SysfsAttribute.readOnly(() -> String.format("0x%0" + digits + "x\n", value));
  }

  private static String uevent(PciFunction function) {
    return function.driver().map(driver -> "DRIVER=" + driver.name() + "\n").orElse("")
        + String.format(
            Locale.ROOT,
            "PCI_CLASS=%04X\nPCI_ID=%04X:%04X\nPCI_SLOT_NAME=%s\n",
            function.id().classCode(),
            function.id().vendor(),
            function.id().device(),
            function.address());
  }

  private void addActions(Map<String, SysfsNode> files, PciFunction function) {
    String address = function.address();
    files.put(
        "driver_override",
        SysfsAttribute.readWrite(
            () -> function.driverOverride().orElse("(null)") + "\n",
            (text, caller) -> linux.driverOverride(address, Words.line(text))));
    files.put(
        "remove",
        SysfsAttribute.writeOnly(
                (text, caller) -> {
                  if (Words.number(text, Long.MAX_VALUE) != 0) {
                    Waits.forEnd(linux.remove(address), address);
                  }
                })
            .withMode(0220));
    files.put(
        "rescan",
        SysfsAttribute.writeOnly(
            (text, caller) -> {
              if (Words.number(text, Long.MAX_VALUE) != 0) {
                linux.rescanBus(
                    function.device().bus().segment(), function.device().bus().number());
              }
            }));
  }

  private void addLinks(Map<String, SysfsNode> files, PciFunction function) {
    files.put("subsystem", new SysfsLink(BusFiles.ROOT));
    function
        .driver()
        .map(LinuxDriver::name)
        .ifPresent(driver -> files.put("driver", new SysfsLink(BusFiles.DRIVERS + "/" + driver)));
    function
        .physicalFunction()
        .ifPresent(
            physical -> files.put("physfn", new SysfsLink(DevicePath.of(physical.device()))));
  }

  private void addSriov(Map<String, SysfsNode> files, PciFunction function, SriovFacts sriov) {
    String address = function.address();
    files.put("sriov_totalvfs", number(sriov.total()));
    files.put("sriov_offset", number(sriov.offset()));
    files.put("sriov_stride", number(sriov.stride()));
    files.put(
        "sriov_vf_device",
        SysfsAttribute.readOnly(() -> String.format("%x\n", sriov.vfDeviceId())));
    files.put(
        "sriov_numvfs",
        SysfsAttribute.readWrite(
            () -> function.numvfs() + "\n",
            (text, caller) -> linux.sriovNumvfs(address, (int) Words.number(text, MAX_VFS))));
    files.put(
        "sriov_drivers_autoprobe",
        SysfsAttribute.readWrite(
            () -> function.sriovDriversAutoprobe() ? "1\n" : "0\n",
            (text, caller) -> linux.sriovDriversAutoprobe(address, Words.yes(text))));
    List<PciFunction> virtual =
        linux.functions().stream()
            .filter(other -> other.physicalFunction().filter(of -> of == function).isPresent())
            .toList();
    for (int i = 0; i < virtual.size(); i++) {
      files.put("virtfn" + i, new SysfsLink(DevicePath.of(virtual.get(i).device())));
    }
  }

  private static SysfsAttribute number(int value) {
    return SysfsAttribute.readOnly(() -> value + "\n");
  }
}
