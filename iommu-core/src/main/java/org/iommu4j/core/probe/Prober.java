package org.iommu4j.core.probe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.core.group.DevIommuImpl;
import org.iommu4j.core.group.DeviceState;
import org.iommu4j.core.group.GroupImpl;
import org.iommu4j.core.group.GroupServices;
import org.iommu4j.core.group.GroupTable;
import org.iommu4j.core.group.Member;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/**
 * Probes one device: finds its driver, its group and its place in the group (CORE-100 to 121).
 *
 * <p>The probe lock is held for the whole of it, except while the bus configures the device's DMA;
 * every failing step undoes the ones before it as table 2 of section B says.
 */
final class Prober {
  private final GroupServices services;
  private final InstanceTable instances;
  private final Firmware firmware;
  private final GroupTable groups;
  private final Buses buses;
  private final StateTable states;

  Prober(
      GroupServices services,
      InstanceTable instances,
      Firmware firmware,
      GroupTable groups,
      Buses buses,
      StateTable states) {
    this.services = services;
    this.instances = instances;
    this.firmware = firmware;
    this.groups = groups;
    this.buses = buses;
    this.states = states;
  }

  /** Probes with immediate set-up and finalises (CORE-100). */
  void probeAndFinalize(DeviceState state) {
    firmware.probeLock.lock();
    try {
      probe(state, null);
    } finally {
      firmware.probeLock.unlock();
    }
    finalizeProbe(state);
  }

  /** Probes in pass 1 of a replay; set-up and finalisation are left to pass 2 (CORE-064). */
  void probeForReplay(DeviceState state, List<GroupImpl> pending) {
    firmware.probeLock.lock();
    try {
      probe(state, pending);
    } finally {
      firmware.probeLock.unlock();
    }
  }

  /** Completes a probe, with no lock held (CORE-198). */
  void finalizeProbe(DeviceState state) {
    DevIommuImpl device = state.apiDevice();
    if (device != null && device.driver().has(IommuOp.PROBE_FINALIZE)) {
      Driver driver = device.driver();
      services.guard().contain("probe_finalize", device, () -> driver.ops().probeFinalize(device));
    }
  }

  /**
   * Probes one device. One that has a group is left alone (CORE-101).
   *
   * @param pending collects groups that need a default domain during a replay; null at hot add
   */
  @GuardedBy("firmware.probeLock")
  private void probe(DeviceState state, @Nullable List<GroupImpl> pending) {
    if (state.group() != null) {
      return;
    }
    requirePresent(state);
    DevIommuImpl device = firmware.obtain(state);
    GroupImpl group = init(state, device);
    if (state.driverBound()) {
      services
          .trace()
          .violation(1012, "late-probe", "device " + state + " is probed with a driver bound");
    }
    Member member;
    try {
      member = group.publish(state);
    } catch (IommuException refused) {
      group.abandon(device);
      throw refused;
    }
    if (group.join(member, pending != null) && pending != null) {
      pending.add(group);
    }
  }

  /** Finds driver and group (CORE-102 to 109). */
  @GuardedBy("firmware.probeLock")
  private GroupImpl init(DeviceState state, DevIommuImpl device) {
    configureDma(state, device);
    FirmwareNode node = device.fwspecNode();
    Instance found = instances.byNode(node);
    if (found == null) {
      state.setIommu(null);
      throw new IommuException(Errno.ENODEV, "no IOMMU serves device " + state);
    }
    Driver driver = found.driver();
    if (!services.environment().pinDriver(driver.ops())) {
      state.setIommu(null);
      throw new IommuException(
          Errno.EINVAL, "driver " + driver + " of device " + state + " is being unloaded");
    }
    device.setDriver(driver);
    boolean complete = false;
    try {
      GroupImpl group = callDriver(state, device, driver);
      complete = true;
      return group;
    } finally {
      if (!complete) {
        device.setDriver(null);
        services.environment().unpinDriver(driver.ops());
        state.setIommu(null);
      }
    }
  }

  /**
   * Lets the bus look the device's IOMMU up, without the probe lock (CORE-103). Another thread may
   * finish or undo the probe meanwhile.
   */
  @GuardedBy("firmware.probeLock")
  private void configureDma(DeviceState state, DevIommuImpl device) {
    if (device.fwspecNode() != null || state.driverBound()) {
      return;
    }
    firmware.probeLock.unlock();
    try {
      var unused =
          services
              .guard()
              .attempt(
                  "dma_configure",
                  state,
                  () ->
                      services
                          .environment()
                          .dmaConfigure(state.device(), () -> firmware.configure(state)));
    } finally {
      firmware.probeLock.lock();
    }
    if (state.iommu() != device || state.group() != null) {
      throw new IommuException(
          Errno.ENODEV, "device " + state + " was probed or released by another thread");
    }
    requirePresent(state);
  }

  /**
   * Refuses a device that was removed while its probe waited for the lock: nobody would release it
   * any more. It may even be back, with a new state.
   */
  @GuardedBy("firmware.probeLock")
  private void requirePresent(DeviceState state) {
    if (states.get(state.device()) != state || !buses.contains(state.device())) {
      throw new IommuException(Errno.ENODEV, "device " + state + " has left its bus");
    }
  }

  @GuardedBy("firmware.probeLock")
  private GroupImpl callDriver(DeviceState state, DevIommuImpl device, Driver driver) {
    IommuDevice serving =
        services.guard().call("probe_device", device, () -> driver.ops().probeDevice(device));
    if (serving == null) {
      throw lied("driver-returned-null", driver + " probed device " + state + " without an IOMMU");
    }
    Instance instance = instances.instanceOf(serving);
    if (instance.driver() != driver || !instances.isRegistered(instance)) {
      throw lied(
          "driver-returned-foreign-instance",
          driver + " gave device " + state + " the IOMMU " + serving);
    }
    try {
      services.environment().linkInstance(state.device(), serving);
    } catch (IommuException refused) {
      release(device, driver);
      throw refused;
    }
    // From here on the device counts as served: group helpers look at its instance.
    device.setInstance(serving);
    GroupImpl group;
    try {
      group = chooseGroup(state, device, driver, instance);
      enter(state, group);
    } catch (IommuException refused) {
      services.environment().unlinkInstance(state.device(), serving);
      release(device, driver);
      throw refused;
    }
    device.setMaxPasids(Math.min(state.device().pasidLimit(), instance.maxPasids()));
    device.setAttachDeferred(isDeferred(device, driver));
    return group;
  }

  /** A device that was added to a group by name meanwhile stays there (CORE-621). */
  private static void enter(DeviceState state, GroupImpl group) {
    if (!state.tryEnter(group)) {
      group.put();
      throw new IommuException(
          Errno.EBUSY, "device " + state + " is in " + state.group() + " already");
    }
  }

  private boolean isDeferred(DevIommuImpl device, Driver driver) {
    if (!driver.has(IommuOp.IS_ATTACH_DEFERRED)) {
      return false;
    }
    try {
      return services
          .guard()
          .call("is_attach_deferred", device, () -> driver.ops().isAttachDeferred(device));
    } catch (IommuException cannotSay) {
      return false;
    }
  }

  private void release(DevIommuImpl device, Driver driver) {
    if (driver.has(IommuOp.RELEASE_DEVICE)) {
      services.guard().contain("release_device", device, () -> driver.ops().releaseDevice(device));
    }
  }

  /** Asks the driver for the group; null is a violation (CORE-108). */
  @GuardedBy("firmware.probeLock")
  private GroupImpl chooseGroup(
      DeviceState state, DevIommuImpl device, Driver driver, Instance instance) {
    GroupChooser chooser =
        new GroupChooser(state.device(), instance, groups, buses, states, services.trace());
    @Nullable IommuGroup chosen =
        services
            .guard()
            .<@Nullable IommuGroup>call(
                "device_group", device, () -> driver.ops().deviceGroup(device, chooser));
    if (chosen == null) {
      services
          .trace()
          .violationOnce(1011, "device-group-null", "device_group", driver + " of device " + state);
      throw new IommuException(
          Errno.EINVAL, "driver " + driver + " gave device " + state + " no group");
    }
    if (chosen instanceof GroupImpl group && groups.owns(group) && group.isAlive()) {
      if (!group.hasReferenceForNewcomer()) {
        throw lied(
            "driver-returned-no-reference",
            driver + " gave device " + state + " " + group + " without a reference");
      }
      return group;
    }
    throw lied("driver-returned-foreign-group", driver + " gave device " + state + " " + chosen);
  }

  private IommuException lied(String token, String detail) {
    services.trace().violation(0, token, detail);
    return new IommuException(Errno.EIO, detail);
  }
}
