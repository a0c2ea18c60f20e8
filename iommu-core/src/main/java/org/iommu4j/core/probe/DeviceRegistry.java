package org.iommu4j.core.probe;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.BusType;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.core.group.DevIommuImpl;
import org.iommu4j.core.group.DeviceState;
import org.iommu4j.core.group.GroupImpl;
import org.iommu4j.core.group.GroupServices;
import org.iommu4j.core.group.GroupTable;
import org.iommu4j.core.group.Member;
import org.iommu4j.core.lock.ProbeLock;
import org.iommu4j.spi.IommuDevice;
import org.jspecify.annotations.Nullable;

/** The devices and IOMMUs of a core: who is there, who is probed, who is bound. */
public final class DeviceRegistry {
  private final GroupServices services;
  private final ProbeLock probeLock;
  private final StateTable states;
  private final Buses buses = new Buses();
  private final InstanceTable instances;
  private final GroupTable groups;
  private final Firmware firmware;
  private final Prober prober;

  /** Creates the registry of a core without devices and IOMMUs. */
  public DeviceRegistry(GroupServices services) {
    this.services = services;
    this.probeLock = new ProbeLock(services.order());
    this.states = new StateTable(services.order());
    this.instances = new InstanceTable(services.guard(), services.trace());
    this.groups = new GroupTable(services);
    this.firmware = new Firmware(services, instances, probeLock);
    this.prober = new Prober(services, instances, firmware, groups, buses, states);
  }

  // ---- instances ----

  /** Lists an IOMMU and probes every bus; an error takes it off again (CORE-052 to 054). */
  public void register(IommuDevice device) {
    refuseInsideCallbacks();
    Instance instance = instances.add(device);
    try {
      for (BusType bus : BusType.values()) {
        replay(bus);
      }
    } catch (IommuException failure) {
      unregister(instance);
      throw failure;
    }
    instance.setReady();
  }

  /** Releases the devices of an IOMMU and takes it off the list (CORE-055). */
  public void unregister(IommuDevice device) {
    refuseInsideCallbacks();
    unregister(instances.registered(device));
  }

  private void unregister(Instance instance) {
    releaseAllBehind(instance);
    instances.remove(instance);
    GroupImpl singleton;
    // A probe that found the instance while it was listed has ended once this lock is free.
    probeLock.lock();
    try {
      singleton = instance.takeSingletonGroup();
    } finally {
      probeLock.unlock();
    }
    // For devices that such a probe has added behind the back of the first sweep.
    releaseAllBehind(instance);
    if (singleton != null) {
      singleton.put();
    }
  }

  private void releaseAllBehind(Instance instance) {
    for (BusType bus : BusType.values()) {
      for (Device device : buses.on(bus)) {
        DeviceState state = states.get(device);
        DevIommuImpl served = state == null ? null : state.apiDevice();
        if (served != null && served.iommu() == instance.device()) {
          release(device);
        }
      }
    }
  }

  /**
   * Takes a device off its bus, between two probes. A replay of the bus that was just probing it
   * has then ended, so that the release that follows finds a member; a later one sees that it has
   * left.
   */
  private boolean leaveBus(Device device) {
    probeLock.lock();
    try {
      return buses.remove(device);
    } finally {
      probeLock.unlock();
    }
  }

  /** Refuses, before anything changes, what could not be finished. */
  private void refuseInsideCallbacks() {
    probeLock.refuseIfUnavailable();
  }

  /** Probes the devices of a bus in two passes (CORE-064, 065). */
  private void replay(BusType bus) {
    List<GroupImpl> pending = new ArrayList<>();
    try {
      for (Device device : buses.on(bus)) {
        probeForReplay(device, pending);
      }
      for (GroupImpl group : pending) {
        finalizeAll(group, group.setUpAfterReplay());
      }
    } finally {
      // After an error the rest must not stay queued for a replay that is over (CORE-064).
      pending.forEach(GroupImpl::unqueue);
    }
  }

  private void probeForReplay(Device device, List<GroupImpl> pending) {
    try {
      prober.probeForReplay(states.obtain(device), pending);
    } catch (IommuException failure) {
      if (failure.errno() != Errno.ENODEV) {
        throw failure;
      }
    }
  }

  /** Finalises a snapshot of the members; one that has left meanwhile is skipped (CORE-068). */
  private void finalizeAll(GroupImpl group, List<Member> members) {
    for (Member member : members) {
      if (member.state().group() == group) {
        prober.finalizeProbe(member.state());
      }
    }
  }

  /** The registered IOMMUs. */
  public List<IommuDevice> instances() {
    return instances.all().stream().map(Instance::device).toList();
  }

  /** The driver of a registered IOMMU. */
  public Driver driverOf(IommuDevice device) {
    return instances.instanceOf(device).driver();
  }

  // ---- devices ----

  /** Puts a device on its bus and probes it (CORE-062). */
  public ProbeOutcome add(Device device) {
    refuseInsideCallbacks();
    if (!buses.add(device)) {
      throw new IommuException(Errno.EEXIST, "device " + device + " is on its bus already");
    }
    DeviceState state = states.obtain(device);
    try {
      prober.probeAndFinalize(state);
      return new ProbeOutcome(state.apiDevice(), null);
    } catch (IommuException failure) {
      return new ProbeOutcome(null, failure);
    }
  }

  /** Unbinds the driver, takes the device off its bus and releases it (CORE-063, 069). */
  public void remove(Device device) {
    refuseInsideCallbacks();
    if (!buses.contains(device)) {
      throw new IommuException(Errno.ENODEV, "device " + device + " is not on its bus");
    }
    unbind(device);
    if (!leaveBus(device)) {
      throw new IommuException(Errno.ENODEV, "device " + device + " is not on its bus");
    }
    release(device);
    states.forgetIfIdle(device);
  }

  /** Probes a device, which must be on its bus afterwards or not at all. */
  public DevIommu probe(Device device) {
    boolean added = buses.add(device);
    boolean complete = false;
    try {
      DeviceState state = states.obtain(device);
      prober.probeAndFinalize(state);
      DevIommuImpl served = state.apiDevice();
      if (served == null) {
        throw new IommuException(Errno.ENODEV, "device " + device + " has no IOMMU driver");
      }
      complete = true;
      return served;
    } finally {
      if (added && !complete) {
        buses.remove(device);
        states.forgetIfIdle(device);
      }
    }
  }

  /** Releases a device, or forgets what firmware said about it (CORE-600). */
  public void release(Device device) {
    DeviceState state = states.get(device);
    if (state == null) {
      return;
    }
    GroupImpl group = state.group();
    if (group != null) {
      group.remove(device);
    }
    if (state.iommu() != null) {
      firmware.forgetUnprobed(state);
    }
  }

  /** The IOMMU side of a device that a driver serves. */
  public @Nullable DevIommuImpl apiDevice(Device device) {
    DeviceState state = states.get(device);
    return state == null ? null : state.apiDevice();
  }

  /** The group of a device. */
  public @Nullable GroupImpl groupOf(Device device) {
    return states.groupOf(device);
  }

  /** The group of a device, with a new reference. */
  public @Nullable GroupImpl refGroupOf(Device device) {
    return states.refGroupOf(device);
  }

  /** The groups of this core. */
  public GroupTable groups() {
    return groups;
  }

  /** Whether a device object was made by this core. */
  public boolean owns(DevIommuImpl device) {
    return device.madeWith(services);
  }

  // ---- groups without driver ----

  /** Adds a device to a group without IOMMU driver (CORE-620, 621). */
  public void addToGroup(GroupImpl group, Device device) {
    if (group.hasDriver()) {
      throw new IommuException(
          Errno.EINVAL, "device " + device + " cannot be added to " + group + ": it has a driver");
    }
    group.joinPlain(states.obtain(device));
  }

  /** Removes a device from its group by name (CORE-622). */
  public void removeFromGroup(Device device) {
    GroupImpl group = states.groupOf(device);
    if (group != null) {
      group.announceRemoval(device);
      group.remove(device);
    }
  }

  // ---- firmware ----

  /** Notes the node of a device's IOMMU. */
  public void initFwspec(Device device, FirmwareNode node) {
    firmware.initFwspec(states.obtain(device), node);
  }

  /** Adds ids to what firmware says about a device. */
  public void addFwspecIds(Device device, List<Integer> ids) {
    DeviceState state = states.get(device);
    DevIommuImpl present = state == null ? null : state.iommu();
    if (present == null) {
      throw new IommuException(
          Errno.EINVAL, "device " + device + " has no fwspec to take the ids " + ids);
    }
    present.addFwspecIds(ids);
  }

  // ---- drivers of devices ----

  /** Binds a driver as a bus does (CORE-069, 079, 301). */
  public void bind(Device device, boolean managesDma) {
    DeviceState state = states.obtain(device);
    state.lock().lock();
    try {
      if (state.driverBound()) {
        throw new IommuException(Errno.EBUSY, "device " + device + " has a driver");
      }
      state.setDriverBound(true);
      boolean complete = false;
      try {
        configureForBind(state);
        GroupImpl group = state.group();
        if (!managesDma && group != null) {
          countUser(group, device);
          state.setCountedAsUser(true);
        }
        complete = true;
      } finally {
        if (!complete) {
          state.setDriverBound(false);
        }
      }
    } finally {
      state.lock().unlock();
    }
  }

  /** The CDX bus binds although it was refused, and its unbind unbalances the count (CORE-305). */
  private static void countUser(GroupImpl group, Device device) {
    try {
      group.useDefaultDomain(device);
    } catch (IommuException refused) {
      if (device.busType() != BusType.CDX) {
        throw refused;
      }
    }
  }

  /** The bus's part of a bind; only a deferral stops it (CORE-080). */
  private void configureForBind(DeviceState state) {
    IommuException failure =
        services
            .guard()
            .attempt(
                "dma_configure",
                state,
                () ->
                    services
                        .environment()
                        .dmaConfigure(state.device(), () -> configureLate(state)));
    if (failure != null && failure.errno() == Errno.EPROBE_DEFER) {
      throw failure;
    }
  }

  /** A device that firmware describes only now is probed late, inside the bind (CORE-079). */
  private void configureLate(DeviceState state) {
    if (firmware.configure(state)) {
      prober.probeAndFinalize(state);
    }
  }

  /** Unbinds the driver. */
  public void unbind(Device device) {
    DeviceState state = states.get(device);
    if (state == null) {
      return;
    }
    state.lock().lock();
    try {
      if (!state.driverBound()) {
        return;
      }
      state.setDriverBound(false);
      GroupImpl group = state.group();
      if (state.countedAsUser() && group != null) {
        group.unuseDefaultDomain(device);
      }
      state.setCountedAsUser(false);
    } finally {
      state.lock().unlock();
    }
  }

  // ---- end of life ----

  /** Refuses while groups are bound or owned. */
  public void requireUnused() {
    refuseInsideCallbacks();
    List<String> used = new ArrayList<>();
    for (GroupSnapshot now : snapshots()) {
      if (now.ownerCount() != 0) {
        used.add(
            "group "
                + now.id()
                + " ("
                + (now.owner() == null ? "drivers" : "owner " + now.owner())
                + ": "
                + now.ownerCount()
                + ")");
      }
    }
    if (!used.isEmpty()) {
      throw new IommuException(Errno.EBUSY, "cannot close: in use are " + String.join(", ", used));
    }
  }

  /** The state of every group; one that ends meanwhile is left out. */
  public List<GroupSnapshot> snapshots() {
    List<GroupSnapshot> all = new ArrayList<>();
    for (GroupImpl group : groups.all()) {
      GroupSnapshot now = group.snapshotOrNull();
      if (now != null) {
        all.add(now);
      }
    }
    return all;
  }

  /** Releases every device and unregisters every IOMMU. */
  public void releaseAll() {
    refuseInsideCallbacks();
    for (Instance instance : instances.all()) {
      unregister(instance);
    }
    for (BusType bus : BusType.values()) {
      for (Device device : buses.on(bus)) {
        buses.remove(device);
        release(device);
        states.forgetIfIdle(device);
      }
    }
  }
}
