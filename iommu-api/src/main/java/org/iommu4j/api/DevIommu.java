package org.iommu4j.api;

import java.util.List;
import org.iommu4j.spi.IommuDevice;
import org.jspecify.annotations.Nullable;

/**
 * The IOMMU side of one device of one core: from its first contact with firmware or a driver until
 * it is released. Thread-safe. Once dead, operations answer ENODEV.
 */
@Mirrors("dev_iommu")
public interface DevIommu {
  /**
   * The device.
   *
   * @return never null
   */
  Device device();

  /**
   * The instance that serves the device.
   *
   * @return the instance
   * @throws IommuException ENODEV until a driver has taken the device
   */
  @Mirrors({"dev_iommu.iommu_dev", "iommu_get_iommu_dev", "__iommu_get_iommu_dev"})
  IommuDevice iommu();

  /**
   * The group of the device; no reference is taken.
   *
   * @return the group
   * @throws IommuException ENODEV if it has none
   */
  IommuGroup group();

  /**
   * How many PASIDs can be used (CORE-045).
   *
   * @return the smaller limit of device and instance
   */
  @Mirrors("dev_iommu.max_pasids")
  int maxPasids();

  /**
   * What firmware says about the device's IOMMU.
   *
   * @return null if nothing was said
   */
  @Mirrors({"dev_iommu_fwspec_get", "dev_iommu.fwspec"})
  @Nullable Fwspec fwspec();

  /**
   * Adds ids to the fwspec; for drivers, from {@code ofXlate} (CORE-074).
   *
   * @param ids appended in order, duplicates kept
   * @throws IommuException EINVAL without fwspec
   */
  @Mirrors("iommu_fwspec_add_ids")
  void addFwspecIds(List<Integer> ids);

  /**
   * The driver's own data.
   *
   * @return null if none was set
   */
  @Mirrors({"dev_iommu_priv_get", "dev_iommu.priv"})
  @Nullable Object priv();

  /**
   * Stores the driver's own data; only under the probe lock (CORE-050).
   *
   * @param data what {@link #priv} will return
   * @throws IommuException EPERM without the probe lock
   */
  @Mirrors("dev_iommu_priv_set")
  void setPriv(@Nullable Object data);

  /**
   * The domain the hardware should be on, for IOMMU drivers inside a callback with the group lock
   * held (CORE-014): the blocking domain for a device parked for a reset, else the group's domain.
   *
   * @return null, and a violation, if the device is not a member of its group
   * @throws IommuException EPERM without the group lock
   */
  @Mirrors("iommu_driver_get_domain_for_dev")
  @Nullable Domain driverDomain();

  /**
   * The group's present domain, for device drivers under no lock (CORE-014).
   *
   * @return null between groups
   */
  @Mirrors("iommu_get_domain_for_dev")
  @Nullable Domain domain();

  /**
   * Asks the driver what it can do for this device (CORE-469).
   *
   * @param capability what is asked for
   * @return false too if the driver cannot be asked
   */
  @Mirrors("device_iommu_capable")
  boolean capable(Capability capability);

  /**
   * The reserved ranges the driver reports for this device (CORE-702). Give them back with {@link
   * ResvRegion#release}.
   *
   * @return a new list
   */
  @Mirrors("iommu_get_resv_regions")
  List<ResvRegion> reservedRegions();

  /**
   * Whether the first attach still waits (CORE-046).
   *
   * @return true until the first successful attach of a deferred device
   */
  @Mirrors("dev_iommu.attach_deferred")
  boolean attachDeferred();

  /**
   * Whether direct regions must stay mapped (CORE-047).
   *
   * @return true once a DIRECT region was seen
   */
  @Mirrors("dev_iommu.require_direct")
  boolean requireDirect();

  /**
   * Selects one shared flush queue for this device's domain; for drivers, before DMA is set up
   * (CORE-049).
   */
  @Mirrors("dev_iommu.shadow_on_flush")
  void setShadowOnFlush();

  /**
   * Whether one shared flush queue was selected.
   *
   * @return false by default
   */
  boolean shadowOnFlush();

  /**
   * Claims the DMA of the device's group; claims of one owner add up (CORE-312).
   *
   * @param owner who claims
   * @throws IommuException EINVAL for a null owner, EPERM if somebody else uses the group, EBUSY if
   *     it is on a consumer's domain or has PASIDs
   */
  @Mirrors("iommu_device_claim_dma_owner")
  void claimDmaOwner(@Nullable DmaOwner owner);

  /** Gives one claim back (CORE-323). */
  @Mirrors("iommu_device_release_dma_owner")
  void releaseDmaOwner();

  /**
   * Claims the DMA of the device's group for a scope.
   *
   * @param owner who claims
   * @return close it to give the claim back
   * @throws IommuException as {@link #claimDmaOwner}
   */
  DmaOwnership own(DmaOwner owner);

  /**
   * Attaches a domain to a device that is alone in its group (CORE-400).
   *
   * @param domain the domain
   * @throws IommuException EINVAL if it is not alone or the domain does not fit, EBUSY if another
   *     consumer's domain is attached, otherwise the driver's error
   */
  @Mirrors("iommu_attach_device")
  void attach(Domain domain);

  /**
   * Undoes {@link #attach} (CORE-406).
   *
   * @param domain must be the attached one
   */
  @Mirrors("iommu_detach_device")
  void detach(Domain domain);

  /**
   * Attaches a domain to one PASID of the whole group (CORE-440).
   *
   * @param domain the domain
   * @param pasid 1 or more
   * @param handle the caller's handle, or null
   * @throws IommuException EOPNOTSUPP, EINVAL or EBUSY as CORE-440 and 441 say, otherwise the
   *     driver's error
   */
  @Mirrors("iommu_attach_device_pasid")
  void attachPasid(Domain domain, int pasid, @Nullable AttachHandle handle);

  /**
   * Replaces the domain of a PASID (CORE-450).
   *
   * @param domain the new domain
   * @param pasid 1 or more
   * @param handle a fresh handle
   * @throws IommuException as CORE-450 and 451 say, otherwise the driver's error
   */
  @Mirrors("iommu_replace_device_pasid")
  void replacePasid(Domain domain, int pasid, @Nullable AttachHandle handle);

  /**
   * Detaches a PASID; cannot fail (CORE-447).
   *
   * @param domain passed on to the driver as the old domain
   * @param pasid 1 or more
   */
  @Mirrors("iommu_detach_device_pasid")
  void detachPasid(Domain domain, int pasid);

  /**
   * Parks the device for a reset (CORE-900).
   *
   * @throws IommuException the driver's error; then {@link #resetDone} must not be called
   */
  @Mirrors("pci_dev_reset_iommu_prepare")
  void resetPrepare();

  /** Ends a reset: the device goes back to where its group is now (CORE-908). */
  @Mirrors("pci_dev_reset_iommu_done")
  void resetDone();
}
