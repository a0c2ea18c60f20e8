package org.iommu4j.cli.shell;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.PciTopology;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.linux.LinuxDriver;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.linux.PciFunction;
import org.iommu4j.testkit.linux.PciId;

/** A recorded machine with Linux on it: the recorded drivers are loaded and bound as they were. */
public final class ShellMachine {
  /** Drivers for passing devices on, which every system has. */
  private static final List<String> BY_OVERRIDE = List.of("vfio-pci", "pci-stub");

  private final PciTopology topology;
  private final LinuxPci linux;

  private ShellMachine(PciTopology topology, LinuxPci linux) {
    this.topology = topology;
    this.linux = linux;
  }

  /**
   * Boots a machine.
   *
   * @param topology what was recorded
   * @param boot its command line
   * @param predicted whether groups are formed by the library even if some were recorded
   * @return a system
   */
  public static LinuxPci boot(PciTopology topology, BootParameters boot, boolean predicted) {
    FakeMachine.Builder builder =
        FakeMachine.builder().topology(topology).soft(SoftIommu::on).bootParameters(boot);
    if (!predicted && !topology.recordedGroups().isEmpty()) {
      builder.recordedGroups();
    }
    LinuxPci linux = LinuxPci.over(builder.build()).build();
    new ShellMachine(topology, linux).loadDrivers();
    return linux;
  }

  private void loadDrivers() {
    for (String name : BY_OVERRIDE) {
      linux.load(LinuxDriver.named(name).build());
    }
    // Those that were passed on must not be taken by the drivers of others of their kind.
    linux.functions().forEach(this::passOn);
    recordedIds().forEach(this::load);
    linux.functions().forEach(this::bindAsRecorded);
  }

  private void passOn(PciFunction function) {
    String driver = recorded(function).orElse("");
    if (BY_OVERRIDE.contains(driver)) {
      linux.driverOverride(function.address(), driver);
      linux.driversProbe(function.address());
    }
  }

  private Optional<String> recorded(PciFunction function) {
    return topology.find(function.address()).flatMap(topology::driver);
  }

  private Map<String, Set<PciId>> recordedIds() {
    Map<String, Set<PciId>> ids = new LinkedHashMap<>();
    for (PciFunction function : linux.functions()) {
      recorded(function)
          .filter(driver -> !BY_OVERRIDE.contains(driver))
          .ifPresent(
              driver ->
                  ids.computeIfAbsent(driver, unused -> new LinkedHashSet<>()).add(function.id()));
    }
    return ids;
  }

  private void load(String driver, Collection<PciId> ids) {
    linux.load(LinuxDriver.named(driver).id(ids::contains).build());
  }

  /** Two drivers may know one id, and a function may have had none at all. */
  private void bindAsRecorded(PciFunction function) {
    String wanted = recorded(function).orElse(null);
    String present = function.driver().map(LinuxDriver::name).orElse(null);
    if (Objects.equals(wanted, present)) {
      return;
    }
    if (present != null) {
      linux.unbind(present, function.address());
    }
    if (wanted != null) {
      linux.bind(wanted, function.address());
    }
  }

  /**
   * The line that says which machine this is.
   *
   * @param linux from {@link #boot}
   * @return one sentence
   */
  public static String greeting(LinuxPci linux) {
    FakeMachine machine = linux.machine();
    long served =
        machine.devices().stream()
            .filter(device -> machine.core().deviceOf(device).isPresent())
            .count();
    return String.format(
        "%s: %d PCI functions, %d of them in %d groups; help lists the commands.",
        machine.topology().map(PciTopology::machine).orElse("machine"),
        linux.functions().size(),
        served,
        machine.core().groups().size());
  }
}
