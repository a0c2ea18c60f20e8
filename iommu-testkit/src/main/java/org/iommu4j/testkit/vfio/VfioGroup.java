package org.iommu4j.testkit.vfio;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** A descriptor of {@code /dev/vfio/<group>}. There is at most one per group. */
public final class VfioGroup extends VfioHandle {
  private final GroupNode node;

  VfioGroup(FakeVfio vfio, GroupNode node) {
    super(vfio);
    this.node = node;
  }

  /**
   * The number of the group.
   *
   * @return also when the group is gone
   */
  public int id() {
    return node.group().id();
  }

  /**
   * What {@code VFIO_GROUP_GET_STATUS} tells.
   *
   * @param viable whether the group can join a container, or is in one
   * @param containerSet whether it is in one
   */
  public record Status(boolean viable, boolean containerSet) {
    /**
     * The flags of the call.
     *
     * @return bit 0 viable, bit 1 container set
     */
    public int flags() {
      return (viable ? 1 : 0) | (containerSet ? 2 : 0);
    }
  }

  /**
   * {@code VFIO_GROUP_GET_STATUS}.
   *
   * @return as it is at this moment
   * @throws IommuException ENODEV if the group is gone
   */
  public Status status() {
    synchronized (vfio.lock()) {
      requireOpen();
      if (node.revoked()) {
        throw gone();
      }
      boolean set = node.container() != null;
      return new Status(set || !node.group().dmaOwnerClaimed(), set);
    }
  }

  private IommuException gone() {
    return new IommuException(Errno.ENODEV, this + " has lost its last device");
  }

  /**
   * {@code VFIO_GROUP_SET_CONTAINER}: claims the DMA of the group, and attaches it if the container
   * has its IOMMU already.
   *
   * @param container where to
   * @throws IommuException EINVAL if it is in a container; ENODEV if the group is gone; EBADF if
   *     the container has been closed; EPERM if a driver uses the group; otherwise the error of the
   *     attachment
   */
  public void setContainer(VfioContainer container) {
    synchronized (vfio.lock()) {
      requireOpen();
      if (node.container() != null) {
        throw new IommuException(Errno.EINVAL, this + " is in a container already");
      }
      if (node.revoked()) {
        throw gone();
      }
      container.requireOpen();
      container.container().join(node);
    }
  }

  /**
   * {@code VFIO_GROUP_UNSET_CONTAINER}: detaches the group and gives its DMA back.
   *
   * @throws IommuException EINVAL if it is in no container; EBUSY while a device is open
   */
  public void unsetContainer() {
    synchronized (vfio.lock()) {
      requireOpen();
      Container container = node.container();
      if (container == null) {
        throw new IommuException(Errno.EINVAL, this + " is in no container");
      }
      if (node.openDevices() > 0) {
        throw new IommuException(
            Errno.EBUSY, this + " has " + node.openDevices() + " open devices");
      }
      container.leave(node);
    }
  }

  /**
   * {@code VFIO_GROUP_GET_DEVICE_FD}.
   *
   * @param name a device of the group with a VFIO driver
   * @return a new descriptor; it keeps group and container
   * @throws IommuException ENODEV if there is no such device; EINVAL if the group is in no
   *     container, or the container has no IOMMU
   */
  public VfioDevice device(String name) {
    synchronized (vfio.lock()) {
      requireOpen();
      DeviceNode device = node.devices().get(name);
      if (device == null || device.requested()) {
        throw new IommuException(Errno.ENODEV, this + " has no device " + name);
      }
      Container container = node.container();
      if (container == null || !container.hasIommu()) {
        throw new IommuException(
            Errno.EINVAL, this + " has no IOMMU: device " + name + " cannot be opened");
      }
      node.deviceOpened();
      device.open();
      return new VfioDevice(vfio, device);
    }
  }

  @Override
  Runnable release() {
    node.closeFile();
    vfio.releaseIfUnused(node);
    return () -> {};
  }

  @Override
  public String toString() {
    return node.toString();
  }
}
