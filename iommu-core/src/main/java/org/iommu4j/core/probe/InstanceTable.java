package org.iommu4j.core.probe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.core.domain.DriverGuard;
import org.iommu4j.core.trace.CoreTrace;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.jspecify.annotations.Nullable;

/**
 * The registered IOMMUs in registration order (CORE-005, 056). Its lock is held for list work only;
 * no callback runs under it.
 */
final class InstanceTable {
  private final DriverGuard guard;
  private final CoreTrace trace;
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final List<Instance> registered = new ArrayList<>();

  /** Also those that were unregistered: an IOMMU that comes back is the same one. */
  @GuardedBy("lock")
  private final IdentityHashMap<IommuDevice, Instance> known = new IdentityHashMap<>();

  @GuardedBy("lock")
  private final IdentityHashMap<IommuOps, Driver> drivers = new IdentityHashMap<>();

  InstanceTable(DriverGuard guard, CoreTrace trace) {
    this.guard = guard;
    this.trace = trace;
  }

  /** Lists an instance. */
  Instance add(IommuDevice device) {
    Instance instance = instanceOf(device);
    synchronized (lock) {
      if (registered.contains(instance)) {
        throw new IommuException(Errno.EEXIST, "IOMMU " + device.name() + " is registered already");
      }
      registered.add(instance);
    }
    return instance;
  }

  /** The core's object for an IOMMU, registered or not; drivers are sampled outside the lock. */
  Instance instanceOf(IommuDevice device) {
    synchronized (lock) {
      Instance instance = known.get(device);
      if (instance != null) {
        return instance;
      }
    }
    String subject = device.getClass().getName();
    Driver sampled = driverOf(guard.required("ops", subject, device::ops));
    Instance made =
        new Instance(
            device,
            sampled,
            guard.<@Nullable FirmwareNode>call("firmware_node", subject, device::firmwareNode),
            guard.call("max_pasids", subject, device::maxPasids));
    synchronized (lock) {
      return known.computeIfAbsent(device, unused -> made);
    }
  }

  private Driver driverOf(IommuOps ops) {
    synchronized (lock) {
      Driver driver = drivers.get(ops);
      if (driver != null) {
        return driver;
      }
    }
    Driver sampled = new Driver(ops, guard, trace);
    synchronized (lock) {
      return drivers.computeIfAbsent(ops, unused -> sampled);
    }
  }

  /** Takes an instance off the list. */
  void remove(Instance instance) {
    synchronized (lock) {
      registered.remove(instance);
    }
  }

  /** Whether an instance is registered now. */
  boolean isRegistered(Instance instance) {
    synchronized (lock) {
      return registered.contains(instance);
    }
  }

  /** A registered instance, or the refusal. */
  Instance registered(IommuDevice device) {
    synchronized (lock) {
      Instance instance = known.get(device);
      if (instance == null || !registered.contains(instance)) {
        throw new IommuException(Errno.ENODEV, "IOMMU " + device.name() + " is not registered");
      }
      return instance;
    }
  }

  /** The first registered instance with this node; null finds the first without node. */
  @Mirrors({"iommu_ops_from_fwnode", "iommu_fwspec_ops"})
  @Nullable Instance byNode(@Nullable FirmwareNode node) {
    synchronized (lock) {
      for (Instance instance : registered) {
        if (instance.node() == node) {
          return instance;
        }
      }
      return null;
    }
  }

  /** The registered instances, in order. */
  List<Instance> all() {
    synchronized (lock) {
      return List.copyOf(registered);
    }
  }
}
