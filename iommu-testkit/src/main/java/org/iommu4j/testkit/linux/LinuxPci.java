package org.iommu4j.testkit.linux;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.testkit.FakeMachine;
import org.jspecify.annotations.Nullable;

/**
 * The PCI side of Linux over a {@link FakeMachine}: what the files below {@code /sys/bus/pci} do.
 *
 * <p>Functions come and go by {@link #remove} and {@link #rescan}, drivers are loaded, bound and
 * unbound, a physical function gets virtual ones. Refusals carry the errno that {@code write(2)}
 * has on Linux. The texts of the files are the business of the caller: a write that succeeds
 * returns the number of bytes written.
 *
 * <pre>{@code
 * LinuxPci linux = LinuxPci.over(machine).build();
 * linux.load(LinuxDriver.named("e1000e").id(0x8086, 0x10d3).build());
 * linux.unbind("e1000e", "0000:02:00.0");
 * linux.driverOverride("0000:02:00.0", "vfio-pci");
 * linux.bind("vfio-pci", "0000:02:00.0");
 * }</pre>
 *
 * <p>What was removed comes back by a scan as a new device with the same facts. It is announced,
 * and grouped, before the scan has noticed that its slot has several functions; and all functions
 * of a scan are announced before the first gets its driver. Thread-safe: one lock, as Linux has one
 * for removal and rescan.
 */
public final class LinuxPci {
  private static final int MAX_VFS = 0xffff;

  private final FakeMachine machine;

  @GuardedBy("this")
  private final PciHardware hardware;

  @GuardedBy("this")
  private final DriverCore drivers;

  @GuardedBy("this")
  private final Map<String, PciFunction> present = new LinkedHashMap<>();

  @GuardedBy("this")
  private final Map<Integer, PciBus> virtualBuses = new HashMap<>();

  private final Function<PciDevice, Optional<String>> classCodes;
  private final Map<String, SriovFacts> sriov;

  private LinuxPci(Builder builder) {
    machine = builder.machine;
    classCodes = builder.classCodes;
    sriov = Map.copyOf(builder.sriov);
    List<Device> devices = machine.devices();
    hardware = new PciHardware(devices);
    drivers = new DriverCore(machine);
    for (PciHardware.Function function : hardware.functions()) {
      PciDevice device = function.present();
      if (device != null) {
        PciFunction known = new PciFunction(device, id(device), facts(device), function, null);
        known.allowMatching();
        machine
            .driver(device)
            .ifPresent(driver -> known.hold(LinuxDriver.named(driver.name()).build()));
        present.put(device.name(), known);
      }
    }
  }

  private PciId id(PciDevice device) {
    int classCode = classCodes.apply(device).map(LinuxPci::parseClass).orElse(0);
    return new PciId(device.vendorId(), device.deviceId(), classCode);
  }

  /** A class may be recorded without its interface. */
  private static int parseClass(String code) {
    int value = Integer.parseInt(code, 16);
    return code.length() <= 4 ? value << 8 : value;
  }

  private @Nullable SriovFacts facts(PciDevice device) {
    return sriov.get(device.name());
  }

  /**
   * Starts the description of a system on a machine that has booted.
   *
   * @param machine its PCI devices are the hardware; from here on they come, go and are bound here
   *     only
   * @return a builder that takes the classes from the machine's topology, if it has one
   */
  public static Builder over(FakeMachine machine) {
    return new Builder(machine);
  }

  // ---- what is there ----

  /**
   * The machine.
   *
   * @return always the same object
   */
  public FakeMachine machine() {
    return machine;
  }

  /**
   * The functions that the system knows.
   *
   * @return in the order in which they were announced
   */
  public synchronized List<PciFunction> functions() {
    return List.copyOf(present.values());
  }

  /**
   * Finds a function.
   *
   * @param address for example {@code 0000:01:00.0}
   * @return empty if the system knows no such function
   */
  public synchronized Optional<PciFunction> find(String address) {
    return Optional.ofNullable(present.get(address));
  }

  private synchronized PciFunction require(String address) {
    PciFunction found = present.get(address);
    if (found == null) {
      throw new IommuException(Errno.ENODEV, "there is no PCI device " + address);
    }
    return found;
  }

  /**
   * The loaded drivers.
   *
   * @return in the order in which they were loaded
   */
  public synchronized List<LinuxDriver> drivers() {
    return drivers.drivers();
  }

  /**
   * Finds a loaded driver.
   *
   * @param name as in {@code /sys/bus/pci/drivers}
   * @return empty if it is not loaded
   */
  public synchronized Optional<LinuxDriver> driver(String name) {
    return Optional.ofNullable(drivers.driver(name));
  }

  /**
   * Whether a device is being bound by the calling thread at this moment; for an environment that
   * looks firmware up only then.
   *
   * @param device a device of this machine
   * @return true inside a bind of this very device
   */
  public synchronized boolean isBinding(Device device) {
    PciFunction function = present.get(device.name());
    return function != null && function.device() == device && drivers.isBinding(function);
  }

  // ---- drivers ----

  /**
   * Loads a driver. It takes every function that fits and has no driver, unless {@link
   * #driversAutoprobe} is off.
   *
   * @param driver the driver
   * @throws IommuException EBUSY if one of this name is loaded
   */
  public synchronized void load(LinuxDriver driver) {
    drivers.load(driver, List.copyOf(present.values()));
  }

  /**
   * Unloads a driver after it has been unbound everywhere.
   *
   * @param name the driver
   * @throws IommuException ENODEV if it is not loaded, EBUSY if it has a device that is in use
   */
  public synchronized void unload(String name) {
    LinuxDriver driver = requireDriver(name);
    for (PciFunction function : List.copyOf(present.values())) {
      if (function.held() == driver && !unbind(name, function.address()).finished()) {
        throw new IommuException(
            Errno.EBUSY, "device " + function + " of driver " + driver + " is in use");
      }
    }
    drivers.forgetDriver(driver);
  }

  private synchronized LinuxDriver requireDriver(String name) {
    LinuxDriver driver = drivers.driver(name);
    if (driver == null) {
      throw new IommuException(Errno.ENODEV, "there is no PCI driver " + name);
    }
    return driver;
  }

  /**
   * A write to a driver's {@code bind}.
   *
   * @param driver a loaded driver
   * @param address the function
   * @throws IommuException ENODEV if one of them is missing or they do not fit; EBUSY if the
   *     function has a driver, or somebody owns the DMA of its group; EAGAIN if the IOMMU is not
   *     there yet; otherwise the driver's error
   */
  public synchronized void bind(String driver, String address) {
    LinuxDriver found = requireDriver(driver);
    PciFunction function = require(address);
    if (!DriverCore.matches(found, function)) {
      throw new IommuException(
          Errno.ENODEV, "driver " + driver + " does not take device " + address);
    }
    drivers.bind(found, function);
  }

  /**
   * A write to a driver's {@code unbind}.
   *
   * @param driver a driver
   * @param address the function
   * @return whether it is over
   * @throws IommuException ENODEV if the function is missing or has not this driver; EBUSY if it is
   *     being unbound
   */
  @CanIgnoreReturnValue
  public synchronized Removal unbind(String driver, String address) {
    PciFunction function = require(address);
    LinuxDriver held = function.held();
    if (held == null || !held.name().equals(driver)) {
      throw new IommuException(
          Errno.ENODEV, "driver " + driver + " is not bound to device " + address);
    }
    Teardown teardown = new Teardown(this::underLock);
    addUnbind(teardown, function);
    teardown.run();
    return teardown;
  }

  private synchronized void underLock(Runnable work) {
    work.run();
  }

  /** Unbinding a physical function whose driver has switched virtual functions on ends them. */
  private synchronized void addUnbind(Teardown teardown, PciFunction function) {
    teardown.add(
        later -> {
          LinuxDriver held = function.held();
          if (held != null && held.supportsSriov() && function.numvfs() != 0) {
            // Whatever is left of the removal comes after the virtual functions.
            disableVirtualFunctions(function);
          }
          return letGo(function, later);
        });
    teardown.add(() -> drop(function));
  }

  private synchronized boolean letGo(PciFunction function, Runnable later) {
    return drivers.letGo(function, later);
  }

  private synchronized void drop(PciFunction function) {
    drivers.drop(function);
  }

  /**
   * A write to a function's {@code driver_override}.
   *
   * @param address the function
   * @param driver the only driver that may take it, loaded or not; null or empty to choose by id
   * @throws IommuException ENODEV if the function is missing
   */
  public synchronized void driverOverride(String address, @Nullable String driver) {
    require(address).override(driver == null || driver.isEmpty() ? null : driver);
  }

  /**
   * A write to {@code drivers_probe}: offers a function without driver to all drivers. One that
   * nobody takes is no error.
   *
   * @param address the function
   * @throws IommuException ENODEV if it is missing
   */
  public synchronized void driversProbe(String address) {
    PciFunction function = require(address);
    if (function.held() == null) {
      var unused = drivers.attach(function);
    }
  }

  /**
   * A write to {@code drivers_autoprobe}. It decides about drivers that are loaded and functions
   * that are found from now on.
   *
   * @param on whether drivers and functions that fit are bound by themselves
   */
  public synchronized void driversAutoprobe(boolean on) {
    drivers.autoprobe(on);
  }

  /**
   * What {@code drivers_autoprobe} reads.
   *
   * @return true by default
   */
  public synchronized boolean driversAutoprobe() {
    return drivers.autoprobe();
  }

  /** Tries the binds that were put off again; to be called when an IOMMU has appeared. */
  public synchronized void retryDeferred() {
    drivers.retryDeferred();
  }

  // ---- remove and rescan ----

  /**
   * A write of 1 to a function's {@code remove}: everything below it goes, then the function
   * itself. All drivers are unbound first.
   *
   * @param address the function
   * @return whether it is over
   * @throws IommuException ENODEV if it is missing
   */
  @CanIgnoreReturnValue
  public synchronized Removal remove(String address) {
    PciFunction top = require(address);
    List<PciFunction> leaving = new ArrayList<>();
    collect(top, leaving);
    Teardown teardown = new Teardown(this::underLock);
    leaving.forEach(function -> addUnbind(teardown, function));
    leaving.forEach(function -> teardown.add(() -> takeAway(function)));
    teardown.run();
    return teardown;
  }

  /** From the leaves up, the last function of a bus first. */
  private synchronized void collect(PciFunction top, List<PciFunction> leaving) {
    List<PciFunction> all = List.copyOf(present.values());
    for (int i = all.size() - 1; i >= 0; i--) {
      PciFunction other = all.get(i);
      if (other != top && hangsOn(other, top)) {
        collect(other, leaving);
      }
    }
    leaving.add(top);
  }

  /** Whether a function sits on the bus right below a bridge, or on a virtual bus there. */
  private static boolean hangsOn(PciFunction function, PciFunction bridge) {
    if (function.physicalFunction().isPresent()) {
      return function.physicalFunction().get() == bridge;
    }
    PciBus bus = function.device().bus();
    while (bus != null && bus.bridge() == null) {
      bus = bus.parent();
    }
    return bus != null && bus.bridge() == bridge.device();
  }

  private synchronized void takeAway(PciFunction function) {
    // A virtual function may have gone with its physical function's driver.
    if (present.remove(function.address(), function)) {
      drivers.forget(function);
      PciHardware.Function slot = function.slot();
      if (slot != null) {
        slot.remove();
      }
      machine.unplug(function.device());
    }
  }

  /** A write of 1 to {@code /sys/bus/pci/rescan}: whatever sits in the slots is there again. */
  public synchronized void rescan() {
    for (PciHardware.Bus root : hardware.roots()) {
      rescan(root);
    }
  }

  /**
   * A write of 1 to the {@code rescan} file of one bus.
   *
   * @param segment the PCI segment
   * @param number the bus
   * @throws IommuException ENODEV if no bridge leads to such a bus
   */
  public synchronized void rescanBus(int segment, int number) {
    PciHardware.Bus bus = hardware.bus(segment, number);
    if (bus == null || !bus.reachable()) {
      throw new IommuException(
          Errno.ENODEV, String.format("there is no PCI bus %04x:%02x", segment, number));
    }
    rescan(bus);
  }

  /**
   * Scans the bus right below a bridge and everything below that.
   *
   * @param bridge its address
   * @throws IommuException ENODEV if it is missing or is no bridge
   */
  public synchronized void rescanBelow(String bridge) {
    PciFunction function = require(bridge);
    for (PciHardware.Bus root : hardware.roots()) {
      PciHardware.Bus below = below(root, function.device());
      if (below != null) {
        rescan(below);
        return;
      }
    }
    throw new IommuException(Errno.ENODEV, "no bus is below PCI device " + bridge);
  }

  private static PciHardware.@Nullable Bus below(PciHardware.Bus top, PciDevice bridge) {
    for (PciHardware.Bus bus : top.below()) {
      if (!bus.reachable()) {
        continue;
      }
      if (bus.now().bridge() == bridge) {
        return bus;
      }
      PciHardware.Bus deeper = below(bus, bridge);
      if (deeper != null) {
        return deeper;
      }
    }
    return null;
  }

  private synchronized void rescan(PciHardware.Bus bus) {
    List<PciFunction> found = new ArrayList<>();
    scan(bus, found);
    found.forEach(PciFunction::allowMatching);
    for (PciFunction function : found) {
      drivers.attachNew(function);
    }
  }

  /** Announces what is new on a bus, then what is new below it. */
  private synchronized void scan(PciHardware.Bus bus, List<PciFunction> found) {
    for (PciHardware.Function slot : bus.functions()) {
      PciDevice device = slot.present();
      if (device == null) {
        device = slot.reappear();
        PciFunction function = new PciFunction(device, id(device), facts(device), slot, null);
        present.put(device.name(), function);
        machine.plug(device);
        found.add(function);
      }
      if ((slot.devfn() & 7) != 0) {
        device.markMultifunction();
      }
    }
    for (PciHardware.Bus below : bus.below()) {
      if (below.reachable()) {
        scan(below, found);
      }
    }
  }

  // ---- virtual functions ----

  /**
   * A write to a function's {@code sriov_numvfs}.
   *
   * @param address the physical function
   * @param number how many virtual functions there shall be
   * @throws IommuException ENODEV if the function is missing; ENOENT if it has no such file, no
   *     driver or one that cannot do it; ERANGE if there are not so many; EBUSY if others are on
   */
  public synchronized void sriovNumvfs(String address, int number) {
    PciFunction physical = require(address);
    SriovFacts capability = physical.sriov().orElse(null);
    if (capability == null) {
      throw new IommuException(Errno.ENOENT, "device " + address + " has no SR-IOV capability");
    }
    if (number < 0 || number > Math.min(MAX_VFS, capability.total())) {
      throw new IommuException(
          Errno.ERANGE, "device " + address + " has no " + number + " virtual functions");
    }
    if (number == physical.numvfs()) {
      return;
    }
    LinuxDriver driver = physical.held();
    if (driver == null || !driver.supportsSriov()) {
      throw new IommuException(
          Errno.ENOENT, "device " + address + " has no driver with SR-IOV: " + driver);
    }
    if (number == 0) {
      disableVirtualFunctions(physical);
    } else if (physical.numvfs() != 0) {
      throw new IommuException(
          Errno.EBUSY,
          "device " + address + " has " + physical.numvfs() + " virtual functions already");
    } else {
      enableVirtualFunctions(physical, capability, number);
    }
  }

  private synchronized void enableVirtualFunctions(
      PciFunction physical, SriovFacts capability, int number) {
    physical.numvfs(number);
    for (int i = 0; i < number; i++) {
      PciDevice parent = physical.device();
      int routing = parent.requesterId() + capability.offset() + capability.stride() * i;
      PciDevice device =
          PciHardware.virtualFunction(
              parent, busFor(parent.bus(), routing >> 8), routing & 0xff, capability.vfDeviceId());
      PciId id = new PciId(device.vendorId(), device.deviceId(), physical.id().classCode());
      PciFunction function = new PciFunction(device, id, null, null, physical);
      physical.virtualFunctions().add(function);
      present.put(device.name(), function);
      machine.plug(device);
      function.allowMatching();
      if (physical.sriovDriversAutoprobe()) {
        drivers.attachNew(function);
      }
    }
  }

  /** A virtual function whose number does not fit into its bus sits on a virtual bus. */
  private synchronized PciBus busFor(PciBus parent, int number) {
    if (number == parent.number()) {
      return parent;
    }
    PciBus known = virtualBuses.get(number);
    if (known == null || known.parent() != parent) {
      known = PciBus.virtual(parent, number);
      virtualBuses.put(number, known);
    }
    return known;
  }

  private synchronized void disableVirtualFunctions(PciFunction physical) {
    List<PciFunction> leaving = List.copyOf(physical.virtualFunctions());
    physical.virtualFunctions().clear();
    physical.numvfs(0);
    Teardown teardown = new Teardown(this::underLock);
    for (PciFunction function : leaving) {
      addUnbind(teardown, function);
      teardown.add(() -> takeAway(function));
    }
    teardown.run();
  }

  /**
   * A write to a function's {@code sriov_drivers_autoprobe}.
   *
   * @param address the physical function
   * @param on whether drivers are bound to new virtual functions
   * @throws IommuException ENODEV if the function is missing
   */
  public synchronized void sriovDriversAutoprobe(String address, boolean on) {
    require(address).sriovDriversAutoprobe(on);
  }

  @Override
  public String toString() {
    return "Linux PCI over " + machine;
  }

  /** Collects what the machine does not say by itself. Not thread-safe. */
  public static final class Builder {
    private final FakeMachine machine;
    private final Map<String, SriovFacts> sriov = new HashMap<>();
    private Function<PciDevice, Optional<String>> classCodes;

    private Builder(FakeMachine machine) {
      this.machine = machine;
      this.classCodes =
          device ->
              machine
                  .topology()
                  .flatMap(topology -> topology.find(device.name()).flatMap(topology::classCode));
    }

    /**
     * Says of which class functions are.
     *
     * @param codes hexadecimal text with four or six digits; asked again when a function comes back
     * @return this
     */
    public Builder classCodes(Function<PciDevice, Optional<String>> codes) {
      classCodes = codes;
      return this;
    }

    /**
     * Gives a function an SR-IOV capability.
     *
     * @param address the physical function
     * @param facts the capability
     * @return this
     */
    public Builder sriov(String address, SriovFacts facts) {
      sriov.put(address, facts);
      return this;
    }

    /**
     * Starts the system, without drivers other than those that the machine has bound.
     *
     * @return a running system
     */
    public LinuxPci build() {
      return new LinuxPci(this);
    }
  }
}
