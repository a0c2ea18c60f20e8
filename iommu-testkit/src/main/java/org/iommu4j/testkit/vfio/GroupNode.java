package org.iommu4j.testkit.vfio;

import java.util.LinkedHashMap;
import java.util.Map;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.IommuGroup;
import org.jspecify.annotations.Nullable;

/**
 * A file below {@code /dev/vfio}: one group with at least one device of a VFIO driver. It outlives
 * its last device for those who have it open, but then stands for nothing.
 *
 * <p>Guarded by the lock of {@link FakeVfio}.
 */
final class GroupNode {
  private final IommuGroup group;
  private final DmaOwner owner;
  private final Map<String, DeviceNode> devices = new LinkedHashMap<>();
  private @Nullable Container container;
  private boolean opened;
  private int openDevices;
  private boolean fileClosed;

  GroupNode(IommuGroup group) {
    this.group = group.ref();
    this.owner = new DmaOwner("vfio group " + group.id());
  }

  IommuGroup group() {
    return group;
  }

  DmaOwner owner() {
    return owner;
  }

  Map<String, DeviceNode> devices() {
    return devices;
  }

  /** Whether the group behind the file is gone. */
  boolean revoked() {
    return devices.isEmpty();
  }

  @Nullable Container container() {
    return container;
  }

  void container(@Nullable Container joined) {
    container = joined;
  }

  boolean opened() {
    return opened;
  }

  void open() {
    opened = true;
    fileClosed = false;
  }

  int openDevices() {
    return openDevices;
  }

  void deviceOpened() {
    openDevices++;
  }

  void deviceClosed() {
    openDevices--;
  }

  /** The descriptor is closed; an open device keeps the file. */
  void closeFile() {
    fileClosed = true;
  }

  /** Whether neither the descriptor nor a device keeps the file. */
  boolean fileUnused() {
    return opened && fileClosed && openDevices == 0;
  }

  void released() {
    opened = false;
  }

  @Override
  public String toString() {
    return "VFIO group " + group.id();
  }
}
