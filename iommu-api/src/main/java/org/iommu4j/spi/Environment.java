package org.iommu4j.spi;

import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;

/**
 * What surrounds a core and may refuse: published links and files, ids, memory, driver modules, the
 * bus glue. Every method succeeds unless overridden.
 *
 * <p>A method refuses with {@link IommuException}; the core then withdraws what it had published
 * and passes the errno on. Methods may run with the probe and the group lock held and must not call
 * the core.
 */
public interface Environment {
  /** An environment that never refuses. */
  Environment PERMISSIVE = new Environment() {};

  /**
   * Asked before an object of the core is made (CORE-022, 029, 043, 073).
   *
   * @param what the kind of object, for example {@code dev_iommu}
   * @throws IommuException ENOMEM to refuse
   */
  default void allocate(String what) {}

  /**
   * Asked before a group gets its number (CORE-021).
   *
   * @throws IommuException any errno to refuse
   */
  default void allocateGroupId() {}

  /**
   * A group's directory appears.
   *
   * @param groupId the group
   * @throws IommuException any errno to refuse
   */
  default void publishGroup(int groupId) {}

  /**
   * A group's {@code devices} directory appears.
   *
   * @param groupId the group
   * @throws IommuException to refuse; the core answers ENOMEM whatever the errno (CORE-022)
   */
  default void publishGroupDevices(int groupId) {}

  /**
   * A file appears in a group's directory.
   *
   * @param groupId the group
   * @param attribute {@code reserved_regions}, {@code type} or {@code name}
   * @throws IommuException any errno to refuse
   */
  default void publishGroupFile(int groupId, String attribute) {}

  /**
   * A file disappears from a group's directory.
   *
   * @param groupId the group
   * @param attribute the file
   */
  default void unpublishGroupFile(int groupId, String attribute) {}

  /**
   * A group's directory disappears with everything in it.
   *
   * @param groupId the group
   */
  default void unpublishGroup(int groupId) {}

  /**
   * The {@code iommu_group} link appears in a device's directory.
   *
   * @param device the device
   * @param groupId the group
   * @throws IommuException any errno to refuse
   */
  default void linkMember(Device device, int groupId) {}

  /**
   * The {@code iommu_group} link disappears.
   *
   * @param device the device
   * @param groupId the group
   */
  default void unlinkMember(Device device, int groupId) {}

  /**
   * A device's link appears in a group's {@code devices} directory.
   *
   * @param device the device
   * @param groupId the group
   * @param linkName the link's name
   * @throws IommuException EEXIST makes the core try another name (CORE-037); others end the join
   */
  default void linkInGroup(Device device, int groupId, String linkName) {}

  /**
   * A device's link disappears from a group's {@code devices} directory.
   *
   * @param device the device
   * @param groupId the group
   * @param linkName the link's name
   */
  default void unlinkInGroup(Device device, int groupId, String linkName) {}

  /**
   * The links between a device and its IOMMU appear (CORE-824).
   *
   * @param device the device
   * @param instance its IOMMU
   * @throws IommuException any errno to refuse
   */
  @Mirrors("iommu_device_link")
  default void linkInstance(Device device, IommuDevice instance) {}

  /**
   * The links between a device and its IOMMU disappear (CORE-613).
   *
   * @param device the device
   * @param instance its IOMMU
   */
  @Mirrors("iommu_device_unlink")
  default void unlinkInstance(Device device, IommuDevice instance) {}

  /**
   * Keeps a driver from being unloaded (CORE-060).
   *
   * @param ops the driver
   * @return false to refuse
   */
  @Mirrors("iommu_ops.owner")
  default boolean pinDriver(IommuOps ops) {
    return true;
  }

  /**
   * Lets a driver be unloaded again.
   *
   * @param ops the driver
   */
  default void unpinDriver(IommuOps ops) {}

  /**
   * The driver core's verdict when firmware names an IOMMU that is not registered (CORE-070).
   *
   * @param node the missing IOMMU
   * @return EPROBE_DEFER, ENODEV or ETIMEDOUT
   */
  default Errno missingInstance(FirmwareNode node) {
    return Errno.EPROBE_DEFER;
  }

  /**
   * The bus's DMA configuration of a device. Runs under no core lock.
   *
   * @param device the device
   * @param firmwareLookup the core's own look-up of the device's IOMMU; run it once
   * @throws IommuException any errno; only EPROBE_DEFER stops a bind
   */
  default void dmaConfigure(Device device, Runnable firmwareLookup) {
    firmwareLookup.run();
  }
}
