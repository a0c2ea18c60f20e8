package org.iommu4j.testkit;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.Environment;
import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.spi.Scheduler;
import org.jspecify.annotations.Nullable;

/**
 * A machine to test on: devices on buses, IOMMUs with their hardware, drivers that come and go, and
 * one core over all of it.
 *
 * <pre>{@code
 * PciDevice nic = PciDevice.at("0000:01:00.0");
 * try (var machine = FakeMachine.builder().device(nic).soft(SoftIommu::on).build()) {
 *   machine.bind(nic, FakeDriver.usingDmaApi("igc"));
 *   WatchedDma dma = machine.dma(nic);
 *   long iova = dma.map(machine.allocateMemory(4096), 4096, Prot.RW);
 *   dma.write(iova, 42);
 * }
 * }</pre>
 *
 * <p>It boots as a real one does: first the devices are put on their buses, then the IOMMUs are
 * registered in the order of their description, and each takes what it can: add one without a
 * firmware node after those with one (CORE-104). Each driver stands behind a {@link DriverLedger},
 * so that {@link IommuInvariants} finds what the core forgot. Thread-safe; what is done to one
 * device is done one after the other, as under a kernel's device lock.
 */
public final class FakeMachine implements AutoCloseable {
  /** Where data lie: above what a PC keeps for itself, far below the tables. */
  private static final long FIRST_DATA = 0x10_0000;

  private static final long PAGE = PhysicalMemory.PAGE_SIZE;

  private final IommuCore core;
  private final @Nullable ManualClock clock;
  private final @Nullable PciTopology topology;
  private final DriverLedger ledger = new DriverLedger();
  private final DmaWatch watch = new DmaWatch();
  private final List<IommuDevice> iommus = new ArrayList<>();
  private final IdentityHashMap<IommuDevice, SoftHardware> hardwareOf = new IdentityHashMap<>();
  private final IdentityHashMap<PhysicalMemory, Long> pagesAtBoot = new IdentityHashMap<>();
  private final Map<Device, Slot> slots = Collections.synchronizedMap(new LinkedHashMap<>());

  @GuardedBy("this")
  private long nextData = FIRST_DATA;

  private volatile boolean closed;

  /** What is done with one device. */
  private static final class Slot {
    @GuardedBy("this")
    private boolean plugged;

    @GuardedBy("this")
    private @Nullable FakeDriver driver;
  }

  private FakeMachine(Builder builder) {
    topology = builder.topology;
    clock = builder.realTime ? null : new ManualClock();
    core = builder.core(clock);
    builder.devices.forEach(this::plug);
    for (Builder.Iommu iommu : builder.iommus) {
      addIommu(builder, iommu);
    }
    iommus.forEach(core::register);
    if (builder.bindRecordedDrivers) {
      bindRecordedDrivers();
    }
  }

  private void addIommu(Builder builder, Builder.Iommu iommu) {
    IommuDevice instance = ledger.around(builder.wrapped(iommu.open()));
    iommus.add(instance);
    SoftHardware hardware = iommu.hardware();
    if (hardware != null) {
      hardwareOf.put(instance, hardware);
      pagesAtBoot.put(hardware.memory(), hardware.memory().allocatedPages());
      watch.watch(hardware);
    }
  }

  /**
   * Starts the description of a machine.
   *
   * @return a builder without devices and IOMMUs
   */
  public static Builder builder() {
    return new Builder();
  }

  // ---- parts ----

  /**
   * The core.
   *
   * @return always the same object
   */
  public IommuCore core() {
    return core;
  }

  /**
   * The clock of the core, to be moved by hand.
   *
   * @return always the same object
   * @throws IllegalStateException if the machine runs in real time
   */
  public ManualClock clock() {
    if (clock == null) {
      throw new IllegalStateException("this machine runs in real time");
    }
    return clock;
  }

  /**
   * The recorded machine that this one was made from.
   *
   * @return empty if it was made by hand
   */
  public Optional<PciTopology> topology() {
    return Optional.ofNullable(topology);
  }

  /**
   * The IOMMUs as they were registered, that is, with their wrappers.
   *
   * @return in registration order
   */
  public List<IommuDevice> iommus() {
    return List.copyOf(iommus);
  }

  /**
   * The hardware model of the first IOMMU that has one.
   *
   * @return always the same object
   * @throws IllegalStateException if there is none
   */
  public SoftHardware hardware() {
    return iommus.stream()
        .filter(hardwareOf::containsKey)
        .findFirst()
        .map(hardwareOf::get)
        .orElseThrow(() -> new IllegalStateException("no IOMMU of this machine has a model"));
  }

  /**
   * What the drivers of the IOMMUs have in their charge.
   *
   * @return always the same object
   */
  public DriverLedger ledger() {
    return ledger;
  }

  /**
   * The judge of stale accesses.
   *
   * @return always the same object
   */
  public DmaWatch watch() {
    return watch;
  }

  /**
   * Takes memory for data. It is never given back, and no table ever lies there.
   *
   * @param bytes at least 1
   * @return the physical address, a multiple of the page size
   */
  public synchronized long allocateMemory(long bytes) {
    long address = nextData;
    nextData += (bytes + PAGE - 1) & -PAGE;
    return address;
  }

  // ---- devices ----

  /**
   * The devices that are plugged in.
   *
   * @return in the order in which they first were
   */
  public List<Device> devices() {
    List<Device> plugged = new ArrayList<>();
    for (Device device : known()) {
      if (isPlugged(device)) {
        plugged.add(device);
      }
    }
    return plugged;
  }

  private List<Device> known() {
    synchronized (slots) {
      return List.copyOf(slots.keySet());
    }
  }

  /**
   * Finds a device that is, or was, plugged in.
   *
   * @param name for example {@code 0000:01:00.0}
   * @return the first with this name among those that are plugged in, else among those that were
   * @throws IllegalArgumentException if there is none
   */
  public Device device(String name) {
    Device pulled = null;
    for (Device device : known()) {
      if (device.name().equals(name)) {
        if (isPlugged(device)) {
          return device;
        }
        pulled = pulled == null ? device : pulled;
      }
    }
    if (pulled == null) {
      throw new IllegalArgumentException("this machine has no device " + name);
    }
    return pulled;
  }

  /**
   * Whether a device is plugged in.
   *
   * @param device any device
   * @return false for a device that this machine does not know
   */
  public boolean isPlugged(Device device) {
    Slot slot = slots.get(device);
    if (slot == null) {
      return false;
    }
    synchronized (slot) {
      return slot.plugged;
    }
  }

  /**
   * Plugs a device in: it appears on its bus and is probed.
   *
   * @param device any device
   * @return how the probe went
   * @throws IommuException EEXIST if it is plugged in
   */
  @CanIgnoreReturnValue
  public ProbeOutcome plug(Device device) {
    Slot slot = slots.computeIfAbsent(device, unused -> new Slot());
    synchronized (slot) {
      ProbeOutcome outcome = core.addDevice(device);
      slot.plugged = true;
      return outcome;
    }
  }

  /**
   * Pulls a device out: its driver is unbound, then it leaves its bus and its group.
   *
   * @param device a device of this machine
   * @throws IommuException ENODEV if it is not plugged in
   */
  public void unplug(Device device) {
    Slot slot = slot(device);
    synchronized (slot) {
      if (!slot.plugged) {
        throw new IommuException(Errno.ENODEV, "device " + device + " is not plugged in");
      }
      unbind(device, slot);
      core.removeDevice(device);
      slot.plugged = false;
    }
  }

  private Slot slot(Device device) {
    Slot slot = slots.get(device);
    if (slot == null) {
      throw new IommuException(Errno.ENODEV, "this machine has no device " + device);
    }
    return slot;
  }

  /**
   * The IOMMU side of a device.
   *
   * @param device a device of this machine
   * @return never null
   * @throws IommuException ENODEV if no IOMMU serves it
   */
  public DevIommu iommuSide(Device device) {
    return core.deviceOf(device)
        .orElseThrow(() -> new IommuException(Errno.ENODEV, "no IOMMU serves device " + device));
  }

  /**
   * The group of a device; no reference is taken.
   *
   * @param device a device of this machine
   * @return the group
   * @throws IommuException ENODEV if no IOMMU serves it
   */
  public IommuGroup group(Device device) {
    return iommuSide(device).group();
  }

  // ---- drivers ----

  /**
   * Binds a driver to a device.
   *
   * @param device a device of this machine
   * @param driver the driver
   * @throws IommuException ENODEV if the device is not plugged in, otherwise as {@link
   *     IommuCore#bindDriver}
   */
  public void bind(Device device, FakeDriver driver) {
    Slot slot = slot(device);
    synchronized (slot) {
      if (!slot.plugged) {
        throw new IommuException(
            Errno.ENODEV, "driver " + driver + ": device " + device + " is not plugged in");
      }
      core.bindDriver(device, driver.managesDma());
      slot.driver = driver;
    }
  }

  /**
   * Unbinds the driver of a device.
   *
   * @param device a device of this machine
   * @return the driver, or empty if none was bound
   */
  @CanIgnoreReturnValue
  public Optional<FakeDriver> unbind(Device device) {
    Slot slot = slot(device);
    synchronized (slot) {
      return Optional.ofNullable(unbind(device, slot));
    }
  }

  @GuardedBy("slot")
  private @Nullable FakeDriver unbind(Device device, Slot slot) {
    FakeDriver bound = slot.driver;
    if (bound != null) {
      core.unbindDriver(device);
      slot.driver = null;
    }
    return bound;
  }

  /**
   * The driver of a device.
   *
   * @param device any device
   * @return empty if none is bound
   */
  public Optional<FakeDriver> driver(Device device) {
    Slot slot = slots.get(device);
    if (slot == null) {
      return Optional.empty();
    }
    synchronized (slot) {
      return Optional.ofNullable(slot.driver);
    }
  }

  private void bindRecordedDrivers() {
    if (topology == null) {
      throw new IllegalStateException("no drivers were recorded: there is no topology");
    }
    for (PciDevice device : topology.devices()) {
      topology.driver(device).ifPresent(name -> bind(device, FakeDriver.ofLinux(name)));
    }
  }

  // ---- DMA ----

  /**
   * The DMA of a device through the DMA API of its present default domain.
   *
   * @param device a device of this machine
   * @return lends, accesses and takes back
   * @throws IommuException ENODEV if the device has no IOMMU or no DMA API
   */
  public WatchedDma dma(Device device) {
    DevIommu served = iommuSide(device);
    Domain domain = served.group().defaultDomain();
    DmaMapper mapper =
        core.dmaLayer()
            .mapperFor(served)
            .orElseThrow(
                () -> new IommuException(Errno.ENODEV, "device " + device + " has no DMA API"));
    return new WatchedDma(
        device,
        mapper,
        engine(device),
        domain instanceof PagingDomain paging ? paging : null,
        watch);
  }

  /**
   * What the hardware lets a device do, whoever mapped it.
   *
   * @param device any device; one that no IOMMU serves is seen by the first hardware
   * @return an engine
   * @throws IllegalStateException if its IOMMU has no hardware model
   */
  public DmaEngine engine(Device device) {
    SoftHardware hardware =
        core.deviceOf(device).map(served -> hardwareOf.get(served.iommu())).orElse(null);
    return (hardware == null ? hardware() : hardware).dma(device);
  }

  // ---- end of life ----

  /**
   * Whether {@link #close} or {@link #closeForced} has ended this machine.
   *
   * @return false while it runs
   */
  public boolean isClosed() {
    return closed;
  }

  /**
   * What is left in the memories of the hardware models above what was there at boot: after a
   * close, leaked tables.
   *
   * @return pages
   */
  public long pagesSinceBoot() {
    long pages = 0;
    for (Map.Entry<PhysicalMemory, Long> memory : pagesAtBoot.entrySet()) {
      pages += memory.getKey().allocatedPages() - memory.getValue();
    }
    return pages;
  }

  /**
   * Unbinds all drivers and closes the core. A second close does nothing.
   *
   * @throws IommuException EBUSY, naming them, while groups are owned; then only the drivers are
   *     gone
   */
  @Override
  public void close() {
    if (!closed) {
      known().forEach(this::unbind);
      core.close();
      closed = true;
    }
  }

  /** Closes the machine whoever uses it. */
  public void closeForced() {
    if (!closed) {
      known().forEach(this::unbind);
      core.closeForced();
      closed = true;
    }
  }

  @Override
  public String toString() {
    return (topology == null ? "machine" : topology.machine())
        + " with "
        + devices().size()
        + " devices behind "
        + iommus;
  }

  /** Collects what a machine is made of. Not thread-safe; makes one machine. */
  public static final class Builder {
    private final List<Device> devices = new ArrayList<>();
    private final List<Iommu> iommus = new ArrayList<>();
    private final List<UnaryOperator<IommuDevice>> wrappers = new ArrayList<>();
    private final List<IommuTracer> tracers = new ArrayList<>();
    private @Nullable PciTopology topology;
    private boolean recordedGroups;
    private boolean bindRecordedDrivers;
    private boolean realTime;
    private BootParameters boot = BootParameters.NONE;
    private Environment environment = Environment.PERMISSIVE;
    private @Nullable Function<Scheduler, DmaLayer> dmaLayer;

    private Builder() {}

    /** An IOMMU to be, with its hardware if that is a model. */
    private record Iommu(
        @Nullable SoftHardware hardware,
        @Nullable Function<HardwarePort, IommuDevice> driver,
        @Nullable IommuDevice ready) {
      IommuDevice open() {
        if (ready != null) {
          return ready;
        }
        if (hardware == null || driver == null) {
          throw new IllegalStateException("an IOMMU needs hardware and driver");
        }
        return driver.apply(hardware.port());
      }
    }

    /**
     * Takes the functions of a recorded machine, in scan order.
     *
     * @param recorded the machine
     * @return this
     */
    public Builder topology(PciTopology recorded) {
      topology = recorded;
      devices.addAll(recorded.devices());
      return this;
    }

    /**
     * Lets the groups of the recorded machine decide instead of those that this library forms:
     * every function gets into the group it was in there, under the same number. One that had none
     * has no IOMMU.
     *
     * @return this
     */
    public Builder recordedGroups() {
      recordedGroups = true;
      return this;
    }

    /**
     * Binds the recorded drivers once the machine has booted.
     *
     * @return this
     */
    public Builder bindRecordedDrivers() {
      bindRecordedDrivers = true;
      return this;
    }

    /**
     * Adds a device.
     *
     * @param device any device
     * @return this
     */
    public Builder device(Device device) {
      devices.add(device);
      return this;
    }

    /**
     * Adds a SoftIOMMU with new hardware.
     *
     * @param driver brings it up, for example {@code SoftIommu::on}
     * @return this
     */
    public Builder soft(Function<HardwarePort, IommuDevice> driver) {
      return soft(SoftHardware.create(), driver);
    }

    /**
     * Adds a SoftIOMMU.
     *
     * @param hardware its hardware
     * @param driver brings it up, for example {@code SoftIommu::on}
     * @return this
     */
    public Builder soft(SoftHardware hardware, Function<HardwarePort, IommuDevice> driver) {
      iommus.add(new Iommu(hardware, driver, null));
      return this;
    }

    /**
     * Adds any IOMMU.
     *
     * @param iommu registered nowhere
     * @return this
     */
    public Builder iommu(IommuDevice iommu) {
      iommus.add(new Iommu(null, null, iommu));
      return this;
    }

    /**
     * Puts something before every IOMMU of the machine, whether added already or later.
     *
     * @param wrapper for example {@code faults::around} of a {@link FaultInjection}; the first one
     *     is nearest to the driver
     * @return this
     */
    public Builder wrap(UnaryOperator<IommuDevice> wrapper) {
      wrappers.add(wrapper);
      return this;
    }

    /**
     * Sets command line and platform.
     *
     * @param parameters {@link BootParameters#NONE} by default
     * @return this
     */
    public Builder bootParameters(BootParameters parameters) {
      boot = parameters;
      return this;
    }

    /**
     * Sets what surrounds the core.
     *
     * @param surroundings {@link Environment#PERMISSIVE} by default
     * @return this
     */
    public Builder environment(Environment surroundings) {
      environment = surroundings;
      return this;
    }

    /**
     * Replaces the DMA layer.
     *
     * @param factory gets the core's scheduler
     * @return this
     */
    public Builder dmaLayer(Function<Scheduler, DmaLayer> factory) {
      dmaLayer = factory;
      return this;
    }

    /**
     * Adds a tracer that sees everything from the start.
     *
     * @param tracer the tracer
     * @return this
     */
    public Builder tracer(IommuTracer tracer) {
      tracers.add(tracer);
      return this;
    }

    /**
     * Lets the core run in real time instead of under a {@link ManualClock}.
     *
     * @return this
     */
    public Builder realTime() {
      realTime = true;
      return this;
    }

    /**
     * Boots the machine.
     *
     * @return a running machine
     * @throws IllegalStateException if recorded groups or drivers are wanted without a topology
     * @throws IommuException if an IOMMU cannot be brought up or registered
     */
    public FakeMachine build() {
      return new FakeMachine(this);
    }

    private IommuCore core(@Nullable ManualClock clock) {
      IommuCore.Builder core = IommuCore.builder().bootParameters(boot).environment(environment);
      tracers.forEach(core::tracer);
      if (dmaLayer != null) {
        core.dmaLayer(dmaLayer);
      }
      if (clock != null) {
        core.scheduler(clock);
      }
      return core.build();
    }

    private IommuDevice wrapped(IommuDevice driver) {
      IommuDevice outer = driver;
      if (recordedGroups) {
        if (topology == null) {
          throw new IllegalStateException("no groups were recorded: there is no topology");
        }
        outer = new RecordedGroups(outer.ops(), topology).around(outer);
      }
      for (UnaryOperator<IommuDevice> wrapper : wrappers) {
        outer = wrapper.apply(outer);
      }
      return outer;
    }
  }
}
