package org.iommu4j.testkit.vfio;

/** A descriptor of one device. While it is open, the device's driver cannot be unbound. */
public final class VfioDevice extends VfioHandle {
  private final DeviceNode node;

  VfioDevice(FakeVfio vfio, DeviceNode node) {
    super(vfio);
    this.node = node;
  }

  /**
   * The name of the device.
   *
   * @return for example {@code 0000:02:00.0}
   */
  public String name() {
    return node.device().name();
  }

  /**
   * Whether the system wants the device back: its driver is being unbound or it is being removed,
   * and that lasts until the descriptor is closed.
   *
   * @return false as long as nobody asks
   */
  public boolean isRequested() {
    synchronized (vfio.lock()) {
      return node.requested();
    }
  }

  @Override
  Runnable release() {
    return vfio.closeDevice(node);
  }

  @Override
  public String toString() {
    return "VFIO device " + name();
  }
}
