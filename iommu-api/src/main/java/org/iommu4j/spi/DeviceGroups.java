package org.iommu4j.spi;

import java.util.Optional;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.Mirrors;

/**
 * The ways a driver can choose the group of the device being probed; each returns one reference.
 * Valid only during that {@link IommuOps#deviceGroup} callback.
 */
public interface DeviceGroups {
  /**
   * Always a new group (CORE-130).
   *
   * @return a group without devices
   * @throws IommuException if it cannot be created
   */
  @Mirrors("generic_device_group")
  IommuGroup generic();

  /**
   * One group per IOMMU instance (CORE-131).
   *
   * @return the instance's group
   * @throws IommuException if it cannot be created
   */
  @Mirrors({"generic_single_device_group", "iommu_device.singleton_group"})
  IommuGroup singleton();

  /**
   * The group that PCI isolation demands (CORE-134).
   *
   * @return an existing or a new group
   * @throws IommuException EINVAL for a non-PCI device
   */
  @Mirrors("pci_device_group")
  IommuGroup pci();

  /**
   * The group of the device's container, or a new one (CORE-132).
   *
   * @return an existing or a new group
   * @throws IommuException if it cannot be created
   */
  @Mirrors("fsl_mc_device_group")
  IommuGroup container();

  /**
   * The present group of any device, for drivers with criteria of their own (CORE-133).
   *
   * @param device another device of this core
   * @return its group with a new reference, or empty
   */
  @Mirrors("iommu_group_get")
  Optional<IommuGroup> of(Device device);
}
