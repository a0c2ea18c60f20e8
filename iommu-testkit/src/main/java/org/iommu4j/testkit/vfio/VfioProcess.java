package org.iommu4j.testkit.vfio;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.IommuException;

/** A process that uses VFIO: when it is killed, everything it has open is closed. */
public final class VfioProcess {
  private final FakeVfio vfio;
  private final List<VfioHandle> open = new ArrayList<>();

  VfioProcess(FakeVfio vfio) {
    this.vfio = vfio;
  }

  /**
   * Opens {@code /dev/vfio/vfio}.
   *
   * @return a new container
   */
  public VfioContainer openContainer() {
    return keep(vfio.openContainer());
  }

  /**
   * Opens {@code /dev/vfio/<id>}.
   *
   * @param id the group
   * @return its descriptor
   * @throws IommuException as {@link FakeVfio#openGroup}
   */
  public VfioGroup openGroup(int id) {
    return keep(vfio.openGroup(id));
  }

  /**
   * {@link VfioGroup#device}.
   *
   * @param group a descriptor
   * @param name a device of the group
   * @return its descriptor
   * @throws IommuException as {@link VfioGroup#device}
   */
  public VfioDevice openDevice(VfioGroup group, String name) {
    return keep(group.device(name));
  }

  private synchronized <H extends VfioHandle> H keep(H handle) {
    open.add(handle);
    return handle;
  }

  /** Ends the process: what is still open is closed, in the order in which it was opened. */
  public void kill() {
    List<VfioHandle> left;
    synchronized (this) {
      left = List.copyOf(open);
      open.clear();
    }
    for (VfioHandle handle : left) {
      if (!handle.isClosed()) {
        handle.close();
      }
    }
  }
}
