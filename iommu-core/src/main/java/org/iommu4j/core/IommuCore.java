package org.iommu4j.core;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultHandler;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.Gfp;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.LockContext;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Pasid;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.SgSegment;
import org.iommu4j.api.Violation;
import org.iommu4j.core.dma.SimpleDmaLayer;
import org.iommu4j.core.dma.ThreadScheduler;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.DriverGuard;
import org.iommu4j.core.domain.Mappings;
import org.iommu4j.core.domain.PagingDomainImpl;
import org.iommu4j.core.group.DevIommuImpl;
import org.iommu4j.core.group.GlobalPasids;
import org.iommu4j.core.group.GroupImpl;
import org.iommu4j.core.group.GroupServices;
import org.iommu4j.core.group.GuardedEnvironment;
import org.iommu4j.core.lock.LockOrder;
import org.iommu4j.core.policy.DomainPolicy;
import org.iommu4j.core.probe.DeviceRegistry;
import org.iommu4j.core.trace.CoreTrace;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.Environment;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.Scheduler;
import org.jspecify.annotations.Nullable;

/**
 * The core of one machine: its devices, groups and domains.
 *
 * <p>Operations come in two shapes: kernel-shaped calls that take any {@link Device}, here, and the
 * same on {@link DevIommu} and {@link IommuGroup} for those who hold one. All are thread-safe; each
 * refuses with EDEADLK rather than deadlock. A closed core answers ENODEV.
 *
 * <pre>{@code
 * try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
 *   DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
 *   ...
 * }
 * }</pre>
 */
public final class IommuCore implements AutoCloseable {
  private final LockOrder order = new LockOrder();
  private final CoreTrace trace = new CoreTrace();
  private final GlobalPasids globalPasids = new GlobalPasids(trace);
  private final DomainPolicy policy;
  private final DriverGuard guard = new DriverGuard(order, trace);
  private final DmaLayer dmaLayer;
  private final Scheduler scheduler;
  private final DeviceRegistry registry;
  private volatile boolean closed;

  private IommuCore(Builder builder) {
    builder.tracers.forEach(trace::add);
    Environment environment = new GuardedEnvironment(builder.environment, guard);
    policy = new DomainPolicy(builder.boot, trace);
    scheduler = builder.scheduler == null ? new ThreadScheduler() : builder.scheduler;
    dmaLayer =
        builder.dmaLayer == null
            ? new SimpleDmaLayer(scheduler, policy.forcedac())
            : builder.dmaLayer.apply(scheduler);
    registry =
        new DeviceRegistry(new GroupServices(order, trace, guard, policy, dmaLayer, environment));
  }

  /**
   * Creates a core with default settings and registers IOMMUs.
   *
   * @param instances registered in this order
   * @return a core
   * @throws IommuException as {@link #register}
   */
  public static IommuCore create(IommuDevice... instances) {
    IommuCore core = builder().build();
    boolean complete = false;
    try {
      for (IommuDevice instance : nonNull(instances, "instances")) {
        core.register(instance);
      }
      complete = true;
      return core;
    } finally {
      if (!complete) {
        core.closeForced();
      }
    }
  }

  /**
   * Starts the set-up of a core.
   *
   * @return a builder with default settings
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Sets up a core. Not thread-safe. */
  public static final class Builder {
    private final List<IommuTracer> tracers = new ArrayList<>();
    private Environment environment = Environment.PERMISSIVE;
    private BootParameters boot = BootParameters.NONE;
    private @Nullable Function<Scheduler, DmaLayer> dmaLayer;
    private @Nullable Scheduler scheduler;

    private Builder() {}

    /**
     * Sets what surrounds the core.
     *
     * @param surroundings {@link Environment#PERMISSIVE} by default
     * @return this
     */
    public Builder environment(Environment surroundings) {
      environment = nonNull(surroundings, "environment");
      return this;
    }

    /**
     * Sets command line and platform.
     *
     * @param parameters {@link BootParameters#NONE} by default
     * @return this
     */
    public Builder bootParameters(BootParameters parameters) {
      boot = nonNull(parameters, "boot parameters");
      return this;
    }

    /**
     * Replaces the DMA layer.
     *
     * @param factory gets the core's scheduler
     * @return this
     */
    public Builder dmaLayer(Function<Scheduler, DmaLayer> factory) {
      dmaLayer = nonNull(factory, "DMA layer");
      return this;
    }

    /**
     * Replaces time.
     *
     * @param time one daemon thread per core by default
     * @return this
     */
    public Builder scheduler(Scheduler time) {
      scheduler = nonNull(time, "scheduler");
      return this;
    }

    /**
     * Adds a tracer that sees everything from the start.
     *
     * @param tracer see {@link IommuTracer}
     * @return this
     */
    public Builder tracer(IommuTracer tracer) {
      tracers.add(nonNull(tracer, "tracer"));
      return this;
    }

    /**
     * Creates the core.
     *
     * @return a core without instances and devices
     */
    public IommuCore build() {
      return new IommuCore(this);
    }
  }

  // ---- instances and buses ----

  /**
   * Registers an IOMMU and probes all devices that are on a bus (CORE-052 to 054).
   *
   * @param instance the IOMMU
   * @throws IommuException EEXIST if it is registered; otherwise the first error of a probe that is
   *     not ENODEV, after which it is not registered
   */
  @Mirrors("iommu_device_register")
  public void register(IommuDevice instance) {
    requireOpen();
    registry.register(nonNull(instance, "instance"));
  }

  /**
   * Unregisters an IOMMU; its devices are released, bound or not (CORE-055).
   *
   * @param instance the IOMMU
   * @throws IommuException ENODEV if it is not registered
   */
  @Mirrors("iommu_device_unregister")
  public void unregister(IommuDevice instance) {
    requireOpen();
    registry.unregister(nonNull(instance, "instance"));
  }

  /**
   * The registered IOMMUs.
   *
   * @return a copy, in registration order
   */
  public List<IommuDevice> instances() {
    return registry.instances();
  }

  /**
   * Puts a device on its bus and probes it (CORE-062). The outcome of the probe never keeps the
   * device off the bus.
   *
   * @param device the device
   * @return how the probe went
   * @throws IommuException EEXIST if it is on the bus
   */
  public ProbeOutcome addDevice(Device device) {
    requireOpen();
    return registry.add(nonNull(device, "device"));
  }

  /**
   * Takes a device off its bus and releases it (CORE-063).
   *
   * @param device the device
   * @throws IommuException ENODEV if it is not on the bus
   */
  public void removeDevice(Device device) {
    requireOpen();
    registry.remove(nonNull(device, "device"));
  }

  /**
   * Probes a device; one that is not on its bus is put there first, and leaves it if the probe
   * fails (CORE-100). Probing a device that has been probed only finalises it again (CORE-101).
   *
   * @param device the device
   * @return its IOMMU side
   * @throws IommuException as the failure matrix of section B says
   */
  @Mirrors("iommu_probe_device")
  public DevIommu probeDevice(Device device) {
    requireOpen();
    return registry.probe(nonNull(device, "device"));
  }

  /**
   * Releases a device, which stays on its bus (CORE-600). Nothing happens for an unprobed device.
   *
   * @param device the device
   */
  @Mirrors("iommu_release_device")
  public void releaseDevice(Device device) {
    requireOpen();
    registry.release(nonNull(device, "device"));
  }

  /**
   * Binds a driver to a device, as a bus does (CORE-069): configures DMA, then counts the driver as
   * a user of the group unless it manages DMA itself.
   *
   * @param device the device
   * @param managesDma true for drivers that claim ownership themselves
   * @throws IommuException EPROBE_DEFER if the IOMMU or the default domain is not there yet; EBUSY
   *     if somebody owns the group or a driver is bound
   */
  public void bindDriver(Device device, boolean managesDma) {
    requireOpen();
    registry.bind(nonNull(device, "device"), managesDma);
  }

  /**
   * Unbinds the driver; nothing happens if none is bound.
   *
   * @param device the device
   */
  public void unbindDriver(Device device) {
    requireOpen();
    registry.unbind(nonNull(device, "device"));
  }

  // ---- firmware ----

  /**
   * Notes which IOMMU firmware names for a device (CORE-070 to 073).
   *
   * @param device the device
   * @param node the IOMMU
   * @throws IommuException the deferral verdict if it is missing, EPROBE_DEFER if it is not ready,
   *     EINVAL if another driver was named before, ENOMEM
   */
  @Mirrors("iommu_fwspec_init")
  public void initFwspec(Device device, FirmwareNode node) {
    requireOpen();
    registry.initFwspec(nonNull(device, "device"), nonNull(node, "node"));
  }

  /**
   * Adds ids to the fwspec of a device (CORE-074).
   *
   * @param device the device
   * @param ids appended in order
   * @throws IommuException EINVAL without fwspec
   */
  @Mirrors("iommu_fwspec_add_ids")
  public void addFwspecIds(Device device, List<Integer> ids) {
    requireOpen();
    registry.addFwspecIds(nonNull(device, "device"), nonNull(ids, "ids"));
  }

  // ---- devices and groups ----

  /**
   * The IOMMU side of a device.
   *
   * @param device the device
   * @return empty if no driver serves it
   */
  public Optional<DevIommu> deviceOf(Device device) {
    return Optional.ofNullable(registry.apiDevice(nonNull(device, "device")));
  }

  /**
   * The group of a device, with a new reference (CORE-024).
   *
   * @param device the device
   * @return empty if it has none; {@link IommuGroup#put} gives the reference back
   */
  @Mirrors("iommu_group_get")
  public Optional<IommuGroup> group(Device device) {
    return Optional.ofNullable(registry.refGroupOf(nonNull(device, "device")));
  }

  /**
   * The groups that exist, empty ones included; no references are taken.
   *
   * @return a copy, by number
   */
  public List<IommuGroup> groups() {
    return List.copyOf(registry.groups().all());
  }

  /**
   * Creates an empty group without an IOMMU driver; the caller holds one reference (CORE-020).
   *
   * @return the group
   * @throws IommuException ENOMEM or the error of publishing it
   */
  @Mirrors("iommu_group_alloc")
  public IommuGroup allocGroup() {
    requireOpen();
    return registry.groups().allocate();
  }

  /**
   * Adds a device to a group without an IOMMU driver (CORE-620).
   *
   * @param group from {@link #allocGroup}
   * @param device the device
   * @throws IommuException EBUSY if the device has a group, EINVAL if the group has a driver,
   *     otherwise the error of publishing it
   */
  @Mirrors("iommu_group_add_device")
  public void addToGroup(IommuGroup group, Device device) {
    requireOpen();
    registry.addToGroup(own(group), nonNull(device, "device"));
  }

  /**
   * Removes a device from its group; one with an IOMMU driver is released (CORE-622).
   *
   * @param device the device
   */
  @Mirrors("iommu_group_remove_device")
  public void removeFromGroup(Device device) {
    requireOpen();
    registry.removeFromGroup(nonNull(device, "device"));
  }

  // ---- drivers and owners ----

  /**
   * Counts a driver that uses the DMA API (CORE-300 to 303). A device without group is fine.
   *
   * @param device the driver's device
   * @throws IommuException EPROBE_DEFER without default domain, EBUSY if somebody owns the group
   */
  @Mirrors("iommu_device_use_default_domain")
  public void useDefaultDomain(Device device) {
    requireOpen();
    GroupImpl group = registry.groupOf(nonNull(device, "device"));
    if (group != null) {
      group.useDefaultDomain(device);
    }
  }

  /**
   * Takes back {@link #useDefaultDomain} (CORE-304).
   *
   * @param device the driver's device
   */
  @Mirrors("iommu_device_unuse_default_domain")
  public void unuseDefaultDomain(Device device) {
    requireOpen();
    GroupImpl group = registry.groupOf(nonNull(device, "device"));
    if (group != null) {
      group.unuseDefaultDomain(device);
    }
  }

  /**
   * Claims the DMA of a device's group (CORE-312).
   *
   * @param device the device
   * @param owner who claims
   * @throws IommuException EINVAL for a null owner, ENODEV without group, EPERM if somebody else
   *     uses the group, EBUSY or the driver's error as for a group
   */
  @Mirrors("iommu_device_claim_dma_owner")
  public void claimDmaOwner(Device device, @Nullable DmaOwner owner) {
    requireOpen();
    if (owner == null) {
      throw GroupImpl.nullOwner(trace, "device " + nonNull(device, "device"));
    }
    groupOrThrow(device).claimByDevice(device, owner);
  }

  /**
   * Gives one claim back (CORE-323). A device without group is ignored.
   *
   * @param device the device
   */
  @Mirrors("iommu_device_release_dma_owner")
  public void releaseDmaOwner(Device device) {
    requireOpen();
    GroupImpl group = registry.groupOf(nonNull(device, "device"));
    if (group != null) {
      group.releaseByDevice(device);
    }
  }

  // ---- domains ----

  /**
   * Allocates a domain for a consumer (CORE-460).
   *
   * @param device a device it must suit
   * @param flags wishes
   * @return an UNMANAGED domain that is attached to nothing
   * @throws IommuException ENODEV without IOMMU, EOPNOTSUPP, ENOMEM or the driver's error
   */
  @Mirrors({"iommu_paging_domain_alloc", "iommu_paging_domain_alloc_flags"})
  public PagingDomain allocPagingDomain(Device device, AllocFlag... flags) {
    requireOpen();
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    if (served == null) {
      throw new IommuException(Errno.ENODEV, "no IOMMU serves device " + device);
    }
    Set<AllocFlag> wishes = EnumSet.noneOf(AllocFlag.class);
    for (AllocFlag flag : nonNull(flags, "flags")) {
      wishes.add(nonNull(flag, "flag"));
    }
    PagingDomainImpl domain = served.driver().allocPaging(served, DomainType.UNMANAGED, wishes);
    domain.setDmaLayer(dmaLayer);
    return domain.asPaging();
  }

  /**
   * As {@link #allocPagingDomain(Device, AllocFlag...)}.
   *
   * @param device a device of this core
   * @param flags wishes
   * @return an UNMANAGED domain
   * @throws IommuException EINVAL for a device of another core
   */
  public PagingDomain allocPagingDomain(DevIommu device, AllocFlag... flags) {
    requireOpen();
    DevIommuImpl mine = own(device);
    mine.requireAlive();
    return allocPagingDomain(mine.device(), flags);
  }

  /**
   * Frees a domain; static domains stay (CORE-461).
   *
   * @param domain the domain
   * @throws IommuException EBUSY while it is in use, EINVAL if it was freed
   */
  @Mirrors("iommu_domain_free")
  public void freeDomain(Domain domain) {
    requireOpen();
    requireMine(domain);
    if (domain instanceof PagingDomain paging) {
      paging.close();
    } else {
      CoreDomain.of(domain).free();
    }
  }

  /**
   * The domain a device is on, for device drivers under no lock (CORE-014).
   *
   * @param device the device
   * @return null without group
   */
  @Mirrors("iommu_get_domain_for_dev")
  public @Nullable Domain domainOf(Device device) {
    GroupImpl group = registry.groupOf(nonNull(device, "device"));
    return group == null ? null : group.currentDomain(device);
  }

  /**
   * The static identity domain of a registered IOMMU's driver.
   *
   * @param instance the IOMMU
   * @return null if the driver has none
   */
  @Mirrors("iommu_ops.identity_domain")
  public @Nullable Domain identityDomain(IommuDevice instance) {
    return asDomain(registry.driverOf(nonNull(instance, "instance")).identity());
  }

  /**
   * The static blocking domain of a registered IOMMU's driver.
   *
   * @param instance the IOMMU
   * @return null if the driver has none
   */
  @Mirrors("iommu_ops.blocked_domain")
  public @Nullable Domain blockedDomain(IommuDevice instance) {
    return asDomain(registry.driverOf(nonNull(instance, "instance")).blocked());
  }

  /**
   * The static default domain of a registered IOMMU's driver.
   *
   * @param instance the IOMMU
   * @return null if the driver has none
   */
  @Mirrors("iommu_ops.default_domain")
  public @Nullable Domain staticDefaultDomain(IommuDevice instance) {
    return asDomain(registry.driverOf(nonNull(instance, "instance")).defaultDomain());
  }

  private static @Nullable Domain asDomain(@Nullable CoreDomain domain) {
    return domain == null ? null : domain.asDomain();
  }

  /**
   * Attaches a domain to a device that is alone in its group (CORE-400).
   *
   * @param device the device
   * @param domain the domain
   * @throws IommuException ENODEV without group, otherwise as {@link DevIommu#attach}
   */
  @Mirrors("iommu_attach_device")
  public void attach(Device device, Domain domain) {
    requireOpen();
    groupOrThrow(device).attachDevice(device, domain);
  }

  /**
   * Undoes {@link #attach} (CORE-406). A device without group is ignored.
   *
   * @param device the device
   * @param domain must be the attached one
   */
  @Mirrors("iommu_detach_device")
  public void detach(Device device, Domain domain) {
    requireOpen();
    GroupImpl group = registry.groupOf(nonNull(device, "device"));
    if (group != null) {
      group.detachDevice(device, domain);
    }
  }

  /**
   * Attaches a device whose attach was deferred (CORE-196); free of locks when there is nothing to
   * do.
   *
   * @param device the device
   * @param domain its default domain
   * @throws IommuException EBUSY while it is being reset, ENODEV if it left its group, or the
   *     driver's error
   */
  @Mirrors("iommu_deferred_attach")
  public void deferredAttach(Device device, Domain domain) {
    requireOpen();
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    if (served != null && served.attachDeferred()) {
      GroupImpl group = served.groupImpl();
      group.deferredAttach(served, domain);
    }
  }

  /**
   * Makes an MSI doorbell reachable for a device (CORE-467). A device without group is fine.
   *
   * @param device the device that will signal
   * @param doorbell physical address
   * @throws IommuException EOPNOTSUPP if the device's domain has no place for it, or ENOMEM
   */
  @Mirrors("iommu_dma_prepare_msi")
  public void prepareMsi(Device device, long doorbell) {
    requireOpen();
    GroupImpl group = registry.groupOf(nonNull(device, "device"));
    if (group != null) {
      group.prepareMsi(device, doorbell);
    }
  }

  /**
   * Asks what can be done for a device (CORE-469).
   *
   * @param device the device
   * @param capability what is asked for
   * @return false too if no driver can be asked
   */
  @Mirrors("device_iommu_capable")
  public boolean capable(Device device, Capability capability) {
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    return served != null && served.capable(capability);
  }

  /**
   * The reserved ranges of a device (CORE-702).
   *
   * @param device the device
   * @return a new list; give its regions back with {@link ResvRegion#release}
   * @throws IommuException ENODEV if no IOMMU serves it
   */
  @Mirrors("iommu_get_resv_regions")
  public List<ResvRegion> reservedRegions(Device device) {
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    if (served == null) {
      throw new IommuException(Errno.ENODEV, "no IOMMU serves device " + device);
    }
    return served.reservedRegions();
  }

  // ---- PASIDs ----

  /**
   * Attaches a domain to a PASID of a device's group (CORE-440).
   *
   * @param device the device
   * @param domain the domain
   * @param pasid 1 or more
   * @param handle the caller's handle, or null
   * @throws IommuException ENODEV without group, otherwise as {@link DevIommu#attachPasid}
   */
  @Mirrors("iommu_attach_device_pasid")
  public void attachPasid(Device device, Domain domain, int pasid, @Nullable AttachHandle handle) {
    requireOpen();
    groupOrThrow(device).attachPasid(device, domain, pasid, handle);
  }

  /**
   * Replaces the domain of a PASID (CORE-450).
   *
   * @param device the device
   * @param domain the new domain
   * @param pasid 1 or more
   * @param handle a fresh handle
   * @throws IommuException ENODEV without group, otherwise as {@link DevIommu#replacePasid}
   */
  @Mirrors("iommu_replace_device_pasid")
  public void replacePasid(Device device, Domain domain, int pasid, @Nullable AttachHandle handle) {
    requireOpen();
    groupOrThrow(device).replacePasid(device, domain, pasid, handle);
  }

  /**
   * Detaches a PASID (CORE-447).
   *
   * @param device the device
   * @param domain passed on to the driver as the old domain
   * @param pasid 1 or more
   * @throws IommuException ENODEV without group
   */
  @Mirrors("iommu_detach_device_pasid")
  public void detachPasid(Device device, Domain domain, int pasid) {
    requireOpen();
    groupOrThrow(device).detachPasid(device, domain, pasid);
  }

  /**
   * Takes a PASID from the pool of this core (CORE-456).
   *
   * @param device a device that will use it
   * @return the lowest free value the device can use, or {@link Pasid#INVALID}
   */
  @Mirrors("iommu_alloc_global_pasid")
  public int allocGlobalPasid(Device device) {
    requireOpen();
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    return served == null ? Pasid.INVALID : globalPasids.allocate(served.maxPasids());
  }

  /**
   * Gives a PASID back to the pool (CORE-457).
   *
   * @param pasid from {@link #allocGlobalPasid}; the invalid value is a violation
   */
  @Mirrors("iommu_free_global_pasid")
  public void freeGlobalPasid(int pasid) {
    requireOpen();
    globalPasids.free(pasid);
  }

  // ---- resets ----

  /**
   * Parks a device for a reset (CORE-900); nothing happens unless it is a PCI device with ATS and
   * an IOMMU.
   *
   * @param device the device
   * @throws IommuException the driver's error; then {@link #resetDone} must not follow
   */
  @Mirrors("pci_dev_reset_iommu_prepare")
  public void resetPrepare(Device device) {
    requireOpen();
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    if (served != null) {
      served.resetPrepare();
    }
  }

  /**
   * Ends a reset (CORE-908).
   *
   * @param device the device
   */
  @Mirrors("pci_dev_reset_iommu_done")
  public void resetDone(Device device) {
    requireOpen();
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    if (served != null) {
      served.resetDone();
    }
  }

  // ---- mirror calls on any domain ----

  /**
   * Maps into any domain (CORE-500); a domain without mappings is a violation and EINVAL.
   *
   * @param domain the domain
   * @param iova first address
   * @param paddr first physical address
   * @param size bytes
   * @param prot protection bits
   * @param gfp memory for tables
   * @throws IommuException as {@link PagingDomain#map}
   */
  @Mirrors("iommu_map")
  public void map(Domain domain, long iova, long paddr, long size, int prot, Gfp gfp) {
    requireOpen();
    requireMine(domain);
    Mappings.paging(trace, domain, "map", iova, size, nonNull(gfp, "gfp"))
        .map(iova, paddr, size, prot);
  }

  /**
   * Maps into any domain without making it visible (CORE-500).
   *
   * @param domain the domain
   * @param iova first address
   * @param paddr first physical address
   * @param size bytes
   * @param prot protection bits
   * @param gfp memory for tables
   * @throws IommuException as {@link PagingDomain#mapNosync}
   */
  @Mirrors("iommu_map_nosync")
  public void mapNosync(Domain domain, long iova, long paddr, long size, int prot, Gfp gfp) {
    requireOpen();
    requireMine(domain);
    Mappings.paging(trace, domain, "map", iova, size, nonNull(gfp, "gfp"))
        .mapNosync(iova, paddr, size, prot);
  }

  /**
   * Makes mappings visible (CORE-510); nothing happens for a domain without mappings.
   *
   * @param domain the domain
   * @param iova first address
   * @param size bytes
   * @throws IommuException the driver's error
   */
  @Mirrors("iommu_sync_map")
  public void syncMap(Domain domain, long iova, long size) {
    requireOpen();
    requireMine(domain);
    if (domain instanceof PagingDomain paging) {
      paging.syncMap(iova, size);
    }
  }

  /**
   * Maps a list into any domain (CORE-520).
   *
   * @param domain the domain
   * @param iova first address
   * @param segments the pieces
   * @param prot protection bits
   * @return bytes mapped
   * @throws IommuException as {@link PagingDomain#mapSg}
   */
  @Mirrors("iommu_map_sg")
  public long mapSg(Domain domain, long iova, List<SgSegment> segments, int prot) {
    requireOpen();
    requireMine(domain);
    return Mappings.mapSg(trace, domain, iova, nonNull(segments, "segments"), prot);
  }

  /**
   * Unmaps from any domain (CORE-530); a domain without mappings is a violation and yields 0.
   *
   * @param domain the domain
   * @param iova first address
   * @param size bytes
   * @return bytes unmapped
   */
  @Mirrors("iommu_unmap")
  public long unmap(Domain domain, long iova, long size) {
    requireOpen();
    requireMine(domain);
    PagingDomain paging = Mappings.pagingOrNull(trace, domain, "unmap", iova, size);
    return paging == null ? 0 : paging.unmap(iova, size);
  }

  /**
   * Unmaps from any domain and gathers (CORE-530).
   *
   * @param domain the domain
   * @param iova first address
   * @param size bytes
   * @param gather receives the range
   * @return bytes unmapped
   */
  @Mirrors("iommu_unmap_fast")
  public long unmapFast(Domain domain, long iova, long size, IotlbGather gather) {
    requireOpen();
    requireMine(domain);
    PagingDomain paging = Mappings.pagingOrNull(trace, domain, "unmap", iova, size);
    return paging == null ? 0 : paging.unmapFast(iova, size, nonNull(gather, "gather"));
  }

  /**
   * Invalidates what was gathered (CORE-544).
   *
   * @param domain the domain
   * @param gather empty afterwards
   */
  @Mirrors("iommu_iotlb_sync")
  public void iotlbSync(Domain domain, IotlbGather gather) {
    requireOpen();
    requireMine(domain);
    if (domain instanceof PagingDomain paging) {
      paging.iotlbSync(nonNull(gather, "gather"));
    } else {
      nonNull(gather, "gather").init();
    }
  }

  /**
   * Installs a fault handler (CORE-465); null or a domain with a cookie is a violation.
   *
   * @param domain the domain
   * @param handler the handler, or null
   */
  @Mirrors("iommu_set_fault_handler")
  public void setFaultHandler(@Nullable Domain domain, @Nullable FaultHandler handler) {
    requireOpen();
    requireMine(domain);
    if (domain instanceof PagingDomain paging) {
      paging.setFaultHandler(handler);
    } else {
      trace.violation(1023, "fault-handler-refused", "domain " + domain);
    }
  }

  /**
   * Changes how the tables of an UNMANAGED domain are written (CORE-551).
   *
   * @param domain the domain
   * @param quirks driver-defined bits
   * @throws IommuException EINVAL for any other domain, otherwise the driver's error
   */
  @Mirrors("iommu_set_pgtable_quirks")
  public void setPgtableQuirks(Domain domain, long quirks) {
    requireOpen();
    requireMine(domain);
    Mappings.unmanaged(domain, "set page-table quirks").setPgtableQuirks(quirks);
  }

  /**
   * Reserves an MSI window in an UNMANAGED domain (CORE-464).
   *
   * @param domain the domain
   * @param base first address of the window
   * @throws IommuException EINVAL for any other domain, EEXIST, ENOMEM
   */
  @Mirrors("iommu_get_msi_cookie")
  public void setMsiWindow(Domain domain, long base) {
    requireOpen();
    requireMine(domain);
    Mappings.unmanaged(domain, "reserve an MSI window").setMsiWindow(base);
  }

  // ---- policy ----

  /**
   * Whether pass-through is the default (CORE-185).
   *
   * @return true for IDENTITY
   */
  @Mirrors("iommu_default_passthrough")
  public boolean defaultPassthrough() {
    return policy.passthrough();
  }

  /**
   * Makes pass-through the default for groups set up from now on.
   *
   * @param fromCommandLine whether the command line asked
   */
  @Mirrors("iommu_set_default_passthrough")
  public void setDefaultPassthrough(boolean fromCommandLine) {
    policy.setPassthrough(fromCommandLine);
  }

  /**
   * Makes translation the default for groups set up from now on.
   *
   * @param fromCommandLine whether the command line asked
   */
  @Mirrors("iommu_set_default_translated")
  public void setDefaultTranslated(boolean fromCommandLine) {
    policy.setTranslated(fromCommandLine);
  }

  /** Forces strict invalidation for groups set up from now on (CORE-183). */
  @Mirrors("iommu_set_dma_strict")
  public void setDmaStrict() {
    policy.setStrict();
  }

  // ---- observation ----

  /**
   * Adds a tracer.
   *
   * @param tracer see {@link IommuTracer}
   */
  public void addTracer(IommuTracer tracer) {
    trace.add(nonNull(tracer, "tracer"));
  }

  /**
   * Removes a tracer.
   *
   * @param tracer one that was added
   */
  public void removeTracer(IommuTracer tracer) {
    trace.remove(tracer);
  }

  /**
   * How many invariants were found broken.
   *
   * @return an exact count
   */
  public long violationCount() {
    return trace.violationCount();
  }

  /**
   * The latest broken invariants.
   *
   * @return a copy, oldest first; at most 1,024
   */
  public List<Violation> violations() {
    return trace.violations();
  }

  /**
   * Which locks of this core the calling thread holds.
   *
   * @return a snapshot
   */
  @Mirrors("iommu_group_mutex_assert")
  public LockContext lockContext() {
    return new LockContext(order.holdsProbe(), order.holdsGroup(), order.holdsDevice());
  }

  /**
   * The DMA layer of this core.
   *
   * @return the layer given to the builder, or the library's own
   */
  public DmaLayer dmaLayer() {
    return dmaLayer;
  }

  /**
   * The DMA API of a device, as the device's driver uses it.
   *
   * @param device the device
   * @return a mapper that belongs to the device's present default domain
   * @throws IommuException ENODEV if no IOMMU serves the device, EOPNOTSUPP if the DMA layer of
   *     this core offers none
   */
  public DmaMapper dmaMapper(Device device) {
    requireOpen();
    DevIommuImpl served = registry.apiDevice(nonNull(device, "device"));
    if (served == null) {
      throw new IommuException(Errno.ENODEV, "no IOMMU serves device " + device);
    }
    return guard
        .required("dma_layer.mapper_for", served, () -> dmaLayer.mapperFor(served))
        .orElseThrow(
            () ->
                new IommuException(
                    Errno.EOPNOTSUPP, "the DMA layer has no mapper for device " + device));
  }

  /**
   * A readable dump of everything: instances, groups, members, domains, owners.
   *
   * @return several lines
   */
  public String dump() {
    StringBuilder text = new StringBuilder("IOMMU core");
    text.append(closed ? " (closed)\n" : "\n");
    for (IommuDevice instance : registry.instances()) {
      text.append("instance ").append(instance.name()).append('\n');
    }
    registry.snapshots().forEach(group -> appendGroup(text, group));
    return text.toString();
  }

  private static void appendGroup(StringBuilder text, GroupSnapshot group) {
    text.append(
        String.format(
            "group %d%s type=%s default=%s current=%s blocking=%s owner=%s count=%d recovery=%d"
                + " references=%d pasids=%s%n",
            group.id(),
            group.name() == null ? "" : " (" + group.name() + ")",
            group.typeText(),
            group.defaultDomain(),
            group.currentDomain(),
            group.blockingDomain(),
            group.owner(),
            group.ownerCount(),
            group.recoveryCount(),
            group.references(),
            group.pasids()));
    group.members().forEach(member -> text.append("  ").append(member).append('\n'));
  }

  // ---- end of life ----

  /**
   * Closes the core: releases every device, unregisters every instance, stops the DMA layer. A
   * second close does nothing.
   *
   * @throws IommuException EBUSY, naming them, while groups are bound or owned; nothing changes
   */
  @Override
  public void close() {
    if (!closed) {
      registry.requireUnused();
      closeForced();
    }
  }

  /** Closes the core whoever uses it. */
  public void closeForced() {
    if (!closed) {
      registry.releaseAll();
      closed = true;
      guard.contain("dma_layer.close", "core", dmaLayer::close);
      guard.contain("scheduler.stop", "core", scheduler::stop);
      guard.close();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IommuException(Errno.ENODEV, "this core is closed");
    }
  }

  /** Refuses a paging domain of another core; null and static domains the rules deal with. */
  private void requireMine(@Nullable Domain domain) {
    if (domain instanceof PagingDomain) {
      var unused = CoreDomain.of(domain, guard);
    }
  }

  private GroupImpl groupOrThrow(Device device) {
    GroupImpl group = registry.groupOf(nonNull(device, "device"));
    if (group == null) {
      throw new IommuException(Errno.ENODEV, "device " + device + " has no group");
    }
    return group;
  }

  private GroupImpl own(IommuGroup group) {
    if (nonNull(group, "group") instanceof GroupImpl mine && registry.groups().owns(mine)) {
      return mine;
    }
    throw new IommuException(Errno.EINVAL, "group " + group + " belongs to another core");
  }

  private DevIommuImpl own(DevIommu device) {
    if (nonNull(device, "device") instanceof DevIommuImpl mine && registry.owns(mine)) {
      return mine;
    }
    throw new IommuException(Errno.EINVAL, "device " + device + " belongs to another core");
  }

  /** Null is bad input like any other: it is refused with an errno. */
  private static <T> T nonNull(@Nullable T argument, String name) {
    if (argument == null) {
      throw new IommuException(Errno.EINVAL, name + " is null");
    }
    return argument;
  }
}
