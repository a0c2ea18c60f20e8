package org.iommu4j.core.probe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.core.group.DevIommuImpl;
import org.iommu4j.core.group.DeviceState;
import org.iommu4j.core.group.GroupServices;
import org.iommu4j.core.grouping.DmaAliases;
import org.iommu4j.core.lock.ProbeLock;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/** What firmware says about which IOMMU serves a device (CORE-070 to 079). */
final class Firmware {
  private final GroupServices services;
  private final InstanceTable instances;
  final ProbeLock probeLock;

  Firmware(GroupServices services, InstanceTable instances, ProbeLock probeLock) {
    this.services = services;
    this.instances = instances;
    this.probeLock = probeLock;
  }

  /** The per-device object, made if there is none (CORE-043). */
  @GuardedBy("probeLock")
  DevIommuImpl obtain(DeviceState state) {
    DevIommuImpl present = state.iommu();
    if (present != null) {
      return present;
    }
    services.environment().allocate("dev_iommu");
    DevIommuImpl made = new DevIommuImpl(state, services);
    state.setIommu(made);
    return made;
  }

  /**
   * Notes the node of a device's IOMMU (CORE-070 to 073).
   *
   * @throws IommuException the deferral verdict, EPROBE_DEFER, EINVAL or ENOMEM
   */
  @GuardedBy("probeLock")
  private Instance init(DeviceState state, FirmwareNode node) {
    Instance instance = instances.byNode(node);
    if (instance == null) {
      throw new IommuException(
          services.environment().missingInstance(node),
          "the IOMMU " + node + " of device " + state + " is not registered");
    }
    // Once the device has an object, the call comes from inside a probe, possibly the instance's
    // own registration, which is not ready by definition.
    if (!instance.ready() && state.iommu() == null) {
      throw new IommuException(
          Errno.EPROBE_DEFER, "the IOMMU " + node + " of device " + state + " is not ready");
    }
    DevIommuImpl present = obtain(state);
    FirmwareNode stored = present.fwspecNode();
    if (stored == null) {
      services.environment().allocate("fwspec");
      present.setFwspecNode(node);
      return instance;
    }
    Instance before = instances.byNode(stored);
    if (before == null || before.driver() != instance.driver()) {
      throw new IommuException(
          Errno.EINVAL, "device " + state + " is behind " + stored + " already, not " + node);
    }
    return instance;
  }

  /** Drops what firmware said about a device that no driver has taken (CORE-600). */
  void forgetUnprobed(DeviceState state) {
    probeLock.lock();
    try {
      if (state.group() == null) {
        state.setIommu(null);
      }
    } finally {
      probeLock.unlock();
    }
  }

  /** As a caller outside a probe asks (CORE-070 to 073). */
  void initFwspec(DeviceState state, FirmwareNode node) {
    probeLock.lock();
    try {
      var unused = init(state, node);
    } finally {
      probeLock.unlock();
    }
  }

  /**
   * Looks the device's IOMMU up (CORE-076 to 078). Runs without the probe lock.
   *
   * @return true if the device must be probed now: it had no object before and has one now
   * @throws IommuException ENODEV if firmware names none, or the first entry's error
   */
  boolean configure(DeviceState state) {
    if (state.device().iommus().isEmpty()) {
      throw new IommuException(Errno.ENODEV, "firmware names no IOMMU for device " + state);
    }
    probeLock.lock();
    try {
      DevIommuImpl before = state.iommu();
      if (before != null && before.fwspecNode() != null) {
        return false;
      }
      try {
        translateAll(state);
      } catch (IommuException failure) {
        forget(state, before);
        throw failure;
      }
      return before == null;
    } finally {
      probeLock.unlock();
    }
  }

  /** A retry must start clean (CORE-078). */
  private static void forget(DeviceState state, @Nullable DevIommuImpl before) {
    if (before == null) {
      state.setIommu(null);
    } else {
      before.setFwspecNode(null);
    }
  }

  @GuardedBy("probeLock")
  private void translateAll(DeviceState state) {
    for (IommuSpecifier specifier : state.device().iommus()) {
      // A PCI device is looked up once for each requester id under which its DMA may arrive.
      int times = state.device() instanceof PciDevice pci ? DmaAliases.of(pci).size() : 1;
      for (int i = 0; i < times; i++) {
        translate(state, specifier);
      }
    }
  }

  @GuardedBy("probeLock")
  private void translate(DeviceState state, IommuSpecifier specifier) {
    if (!specifier.node().available()) {
      throw new IommuException(
          Errno.ENODEV, "the IOMMU " + specifier.node() + " of device " + state + " is disabled");
    }
    Driver driver = init(state, specifier.node()).driver();
    if (!driver.has(IommuOp.OF_XLATE) || !services.environment().pinDriver(driver.ops())) {
      throw new IommuException(
          Errno.ENODEV, "driver " + driver + " cannot translate the ids of device " + state);
    }
    try {
      DevIommuImpl present = obtain(state);
      IommuException failure =
          services
              .guard()
              .attempt("of_xlate", present, () -> driver.ops().ofXlate(present, specifier));
      if (failure != null) {
        throw failure;
      }
    } finally {
      services.environment().unpinDriver(driver.ops());
    }
  }
}
