package org.iommu4j.testkit.vfio;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;
import org.iommu4j.testkit.linux.DriverHooks;
import org.iommu4j.testkit.linux.LinuxDriver;
import org.jspecify.annotations.Nullable;

/**
 * VFIO's containers, groups and devices over a core: code that hands devices to user space runs
 * against this as it would against {@code /dev/vfio}.
 *
 * <pre>{@code
 * FakeVfio vfio = FakeVfio.over(machine.core()).build();
 * linux.load(vfio.driver());
 * linux.driverOverride("0000:02:00.0", "vfio-pci");
 * linux.bind("vfio-pci", "0000:02:00.0");
 * try (VfioContainer container = vfio.openContainer();
 *     VfioGroup group = vfio.openGroup(17)) {
 *   group.setContainer(container);
 *   container.setIommu();
 *   container.mapDma(0x1000_0000, memory, 0x10_0000, Prot.RW);
 *   try (VfioDevice device = group.device("0000:02:00.0")) { ... }
 * }
 * }</pre>
 *
 * <p>Refusals carry the errno of the system call. A group's DMA is claimed when it joins a
 * container, not when it is opened, and given back when it leaves, when the last of group and
 * device descriptors is closed, or when the last device loses its driver. Uses the public
 * operations of the core only. Thread-safe: one lock.
 */
public final class FakeVfio {
  private static final String DRIVER = "vfio-pci";

  private final IommuCore core;
  private final boolean unsafeInterrupts;
  private final Object lock = new Object();

  /** The groups whose file exists. */
  @GuardedBy("lock")
  private final List<GroupNode> nodes = new ArrayList<>();

  private FakeVfio(Builder builder) {
    core = builder.core;
    unsafeInterrupts = builder.unsafeInterrupts;
  }

  /**
   * Starts the description of VFIO over a core.
   *
   * @param core whose devices can be handed out
   * @return a builder that demands isolated interrupts
   */
  public static Builder over(IommuCore core) {
    return new Builder(core);
  }

  Object lock() {
    return lock;
  }

  IommuCore core() {
    return core;
  }

  boolean allowsUnsafeInterrupts() {
    return unsafeInterrupts;
  }

  /** The IOMMU side of a member of a group. */
  DevIommu served(Device device) {
    return core.deviceOf(device)
        .orElseThrow(() -> new IommuException(Errno.ENODEV, "no IOMMU serves device " + device));
  }

  // ---- the driver's side ----

  /**
   * The driver {@code vfio-pci}, which takes devices by override only.
   *
   * @return to be loaded into a {@link org.iommu4j.testkit.linux.LinuxPci}
   */
  public LinuxDriver driver() {
    return driver(DRIVER);
  }

  /**
   * A variant driver.
   *
   * @param name for example {@code mlx5_vfio_pci}
   * @return to be loaded into a {@link org.iommu4j.testkit.linux.LinuxPci}
   */
  public LinuxDriver driver(String name) {
    return LinuxDriver.named(name)
        .managingDma()
        .hooks(
            new DriverHooks() {
              @Override
              public void probe(PciDevice device) {
                register(device);
              }

              @Override
              public boolean remove(PciDevice device, Runnable later) {
                return unregister(device, later);
              }
            })
        .build();
  }

  /**
   * What a VFIO driver does when it gets a device: the file of its group exists from then on.
   *
   * @param device a device of the core
   * @throws IommuException EINVAL if it has no group, or its DMA is not cache coherent; EBUSY if it
   *     is registered
   */
  public void register(Device device) {
    IommuGroup group =
        core.group(device)
            .orElseThrow(
                () -> new IommuException(Errno.EINVAL, "device " + device + " has no IOMMU group"));
    try {
      if (!core.capable(device, Capability.CACHE_COHERENCY)) {
        throw new IommuException(
            Errno.EINVAL, "DMA of device " + device + " cannot be made cache coherent");
      }
      synchronized (lock) {
        GroupNode node = nodeOf(group);
        if (node == null) {
          node = new GroupNode(group);
          nodes.add(node);
        }
        if (node.devices().putIfAbsent(device.name(), new DeviceNode(device, node)) != null) {
          throw new IommuException(Errno.EBUSY, "device " + device + " is registered");
        }
      }
    } finally {
      group.put();
    }
  }

  @GuardedBy("lock")
  private @Nullable GroupNode nodeOf(IommuGroup group) {
    for (GroupNode node : nodes) {
      if (node.group() == group) {
        return node;
      }
    }
    return null;
  }

  /**
   * What a VFIO driver does when it loses a device. With the last one of a group the group's file
   * goes, its DMA is given back, and its descriptor answers ENODEV.
   *
   * @param device a registered device
   * @param later runs without the lock once a device that is open has been closed and is gone
   * @return false if the device is open
   * @throws IommuException ENODEV if it is not registered
   */
  public boolean unregister(Device device, Runnable later) {
    synchronized (lock) {
      DeviceNode found = find(device);
      if (found == null) {
        throw new IommuException(Errno.ENODEV, "device " + device + " is not registered");
      }
      if (found.opened()) {
        found.await(later);
        return false;
      }
      forget(found);
      return true;
    }
  }

  @GuardedBy("lock")
  private @Nullable DeviceNode find(Device device) {
    for (GroupNode node : nodes) {
      DeviceNode found = node.devices().get(device.name());
      if (found != null && found.device() == device) {
        return found;
      }
    }
    return null;
  }

  @GuardedBy("lock")
  private void forget(DeviceNode device) {
    GroupNode node = device.group();
    node.devices().remove(device.device().name());
    if (node.devices().isEmpty()) {
      leaveContainer(node);
      nodes.remove(node);
      node.group().put();
    }
  }

  private static void leaveContainer(GroupNode node) {
    Container container = node.container();
    if (container != null) {
      container.leave(node);
    }
  }

  // ---- the user's side ----

  /**
   * Opens {@code /dev/vfio/vfio}.
   *
   * @return a new container
   */
  public VfioContainer openContainer() {
    return new VfioContainer(this);
  }

  /**
   * Opens {@code /dev/vfio/<id>}.
   *
   * @param id the group
   * @return its descriptor
   * @throws IommuException ENOENT if no device of the group has a VFIO driver; EBUSY if the group
   *     is open, or is kept by an open device
   */
  public VfioGroup openGroup(int id) {
    synchronized (lock) {
      for (GroupNode node : nodes) {
        if (node.group().id() == id) {
          if (node.opened()) {
            throw new IommuException(Errno.EBUSY, node + " is open");
          }
          node.open();
          return new VfioGroup(this, node);
        }
      }
      throw new IommuException(Errno.ENOENT, "there is no VFIO group " + id);
    }
  }

  /**
   * The files of groups.
   *
   * @return numbers below {@code /dev/vfio}, in the order in which they appeared
   */
  public List<Integer> groups() {
    synchronized (lock) {
      return nodes.stream().map(node -> node.group().id()).toList();
    }
  }

  /**
   * Starts a process whose descriptors can be closed all at once.
   *
   * @return a process with nothing open
   */
  public VfioProcess process() {
    return new VfioProcess(this);
  }

  /** Gives a group's DMA back when neither its descriptor nor a device keeps it. */
  void releaseIfUnused(GroupNode node) {
    if (node.fileUnused()) {
      node.released();
      leaveContainer(node);
    }
  }

  /** Closes a device; the answer runs whoever waited for it. */
  Runnable closeDevice(DeviceNode device) {
    synchronized (lock) {
      device.close();
      device.group().deviceClosed();
      Runnable waiting = device.opened() ? null : device.takeWaiting();
      if (waiting != null) {
        forget(device);
      }
      releaseIfUnused(device.group());
      return waiting == null ? () -> {} : waiting;
    }
  }

  /** Collects how VFIO is set up. Not thread-safe. */
  public static final class Builder {
    private final IommuCore core;
    private boolean unsafeInterrupts;

    private Builder(IommuCore core) {
      this.core = core;
    }

    /**
     * Sets {@code allow_unsafe_interrupts}.
     *
     * @param allowed false by default
     * @return this
     */
    public Builder allowUnsafeInterrupts(boolean allowed) {
      unsafeInterrupts = allowed;
      return this;
    }

    /**
     * Completes it.
     *
     * @return VFIO without devices
     */
    public FakeVfio build() {
      return new FakeVfio(this);
    }
  }
}
