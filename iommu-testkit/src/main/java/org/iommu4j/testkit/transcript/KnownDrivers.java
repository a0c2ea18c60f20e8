package org.iommu4j.testkit.transcript;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;
import org.iommu4j.testkit.linux.DriverHooks;
import org.iommu4j.testkit.linux.LinuxDriver;
import org.iommu4j.testkit.linux.PciId;

/** Which drivers a recorded system had, in the order in which they came, and what they take. */
final class KnownDrivers {
  private static final int PCI_BRIDGE = 0x060400;
  private static final int QUMRANET = 0x1af4;
  private static final int INTEL = 0x8086;

  /** A driver of a usual kernel: some look at a device and decline. */
  private record Known(String name, boolean builtIn, Predicate<PciId> ids, DriverHooks hooks) {}

  /** Built-in drivers first; modules in the order in which the recorder loaded them. */
  private static final List<Known> USUAL =
      List.of(
          new Known(
              "pcieport", true, id -> id.classCode() >> 8 == PCI_BRIDGE >> 8, new PortsOnly()),
          new Known("shpchp", true, id -> id.classCode() == PCI_BRIDGE, new Nothing()),
          new Known(
              "virtio-pci",
              true,
              id -> id.vendor() == QUMRANET && id.device() >= 0x1000 && id.device() <= 0x107f,
              DriverHooks.NONE),
          new Known("agpgart-intel", true, pci(INTEL, 0x29c0), new Nothing()),
          new Known("nvme", false, id -> id.classCode() == 0x010802, DriverHooks.NONE),
          new Known("e1000", false, pci(INTEL, 0x100e), DriverHooks.NONE),
          new Known("e1000e", false, pci(INTEL, 0x10d3), DriverHooks.NONE),
          new Known("igb", false, pci(INTEL, 0x10c9), DriverHooks.NONE),
          new Known("lpc_ich", false, pci(INTEL, 0x2918), DriverHooks.NONE),
          new Known("ahci", false, id -> id.classCode() == 0x010601, DriverHooks.NONE),
          new Known("i801_smbus", false, pci(INTEL, 0x2930), DriverHooks.NONE));

  /** Drivers that look at every device of their table and take none of it here. */
  private static final Set<String> DECLINING = Set.of("shpchp", "agpgart-intel");

  private static final Set<String> BY_OVERRIDE_ONLY = Set.of("vfio-pci", "pci-stub");

  private final List<RecordedFunction> functions;
  private final Set<String> available;
  private final Set<String> boundAtBoot = new LinkedHashSet<>();

  KnownDrivers(List<RecordedFunction> atBoot, List<RecordedFunction> all, Set<String> available) {
    this.functions = List.copyOf(all);
    this.available = new LinkedHashSet<>(available);
    for (RecordedFunction function : all) {
      function.driver().ifPresent(this.available::add);
    }
    for (RecordedFunction function : atBoot) {
      function.driver().ifPresent(boundAtBoot::add);
    }
  }

  private static Predicate<PciId> pci(int vendor, int device) {
    return id -> id.vendor() == vendor && id.device() == device;
  }

  /** Ports of PCI Express; conventional bridges are declined. */
  private static final class PortsOnly implements DriverHooks {
    @Override
    public void probe(PciDevice device) {
      switch (device.pcieType()) {
        case ROOT_PORT, UPSTREAM_PORT, DOWNSTREAM_PORT -> {}
        default ->
            throw new IommuException(Errno.ENODEV, "device " + device + " is no PCI Express port");
      }
    }
  }

  private static final class Nothing implements DriverHooks {
    @Override
    public void probe(PciDevice device) {
      throw new IommuException(Errno.ENODEV, "device " + device + " is not wanted");
    }
  }

  /** Those that are there before user space is. */
  List<LinuxDriver> builtIn() {
    return made(true);
  }

  /** Those that are loaded as modules. */
  List<LinuxDriver> modules() {
    return made(false);
  }

  private List<LinuxDriver> made(boolean builtIn) {
    List<LinuxDriver> drivers = new ArrayList<>();
    Set<String> done = new LinkedHashSet<>();
    for (Known known : USUAL) {
      done.add(known.name());
      boolean present = available.contains(known.name()) || DECLINING.contains(known.name());
      if (present && builtIn == isBuiltIn(known.name(), known.builtIn())) {
        drivers.add(driver(known.name(), known.ids(), known.hooks()));
      }
    }
    for (String name : available) {
      if (!done.contains(name)
          && !BY_OVERRIDE_ONLY.contains(name)
          && builtIn == isBuiltIn(name, false)) {
        drivers.add(driver(name, id -> false, DriverHooks.NONE));
      }
    }
    return drivers;
  }

  private boolean isBuiltIn(String name, boolean usually) {
    return usually || boundAtBoot.contains(name);
  }

  private LinuxDriver driver(String name, Predicate<PciId> usual, DriverHooks hooks) {
    LinuxDriver.Builder builder = LinuxDriver.named(name).id(usual).hooks(hooks);
    for (RecordedFunction function : functions) {
      if (function.driver().filter(name::equals).isPresent()) {
        PciId taken = function.id();
        builder.id(taken::equals);
        if (function.sriov() != null) {
          builder.supportingSriov();
        }
      }
    }
    return builder.build();
  }

  /** A driver that takes devices by override only, or one that nobody knew. */
  static LinuxDriver byOverride(String name) {
    return LinuxDriver.named(name).build();
  }

  boolean isAvailable(String name) {
    return available.contains(name);
  }
}
