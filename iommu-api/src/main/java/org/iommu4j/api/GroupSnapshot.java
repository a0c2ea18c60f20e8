package org.iommu4j.api;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The state of a group at one moment, taken under its lock.
 *
 * @param id the group's number
 * @param name its name, if it has one
 * @param defaultDomain the default domain, if there is one
 * @param currentDomain the domain its devices are on, if there is one
 * @param blockingDomain the cached blocking domain, if there is one
 * @param owner who owns its DMA
 * @param ownerCount bound drivers, or claims while there is an owner
 * @param recoveryCount members parked for a reset
 * @param references references held
 * @param pasids the PASID table by index; 0 is the requester id
 * @param members the devices, in list order
 */
@Mirrors("iommu_group")
public record GroupSnapshot(
    int id,
    @Nullable String name,
    @Mirrors("iommu_group.default_domain") @Nullable Domain defaultDomain,
    @Mirrors("iommu_group.domain") @Nullable Domain currentDomain,
    @Mirrors("iommu_group.blocking_domain") @Nullable Domain blockingDomain,
    @Mirrors("iommu_group.owner") @Nullable DmaOwner owner,
    @Mirrors("iommu_group.owner_cnt") int ownerCount,
    @Mirrors("iommu_group.recovery_cnt") int recoveryCount,
    @Mirrors("iommu_group.devices_kobj") int references,
    @Mirrors("iommu_group.pasid_array") Map<Integer, PasidEntry> pasids,
    @Mirrors("iommu_group.devices") List<Member> members) {

  /**
   * One entry of the PASID table.
   *
   * @param handle the handle, if one was given
   * @param domain the attached domain; null for a reserved index
   */
  public record PasidEntry(@Nullable AttachHandle handle, @Nullable Domain domain) {}

  /**
   * One device of a group.
   *
   * @param device the device
   * @param linkName its name in the group's directory
   * @param dma whether it does DMA through the DMA layer
   * @param deferred whether its first attach still waits
   * @param requireDirect whether its direct regions must stay mapped
   * @param blocked whether it is parked for a reset
   * @param resetDepth how many resets are nested
   */
  @Mirrors("group_device")
  public record Member(
      @Mirrors("group_device.dev") Device device,
      @Mirrors("group_device.name") String linkName,
      @Mirrors({"use_dma_iommu", "dev_dma_iommu"}) boolean dma,
      @Mirrors("dev_iommu.attach_deferred") boolean deferred,
      @Mirrors("dev_iommu.require_direct") boolean requireDirect,
      @Mirrors("group_device.blocked") boolean blocked,
      @Mirrors("group_device.reset_depth") int resetDepth) {}

  /**
   * The text of the group's {@code type} file (CORE-805).
   *
   * @return for example {@code DMA-FQ}, or {@code unknown}
   */
  public String typeText() {
    return defaultDomain == null ? "unknown" : defaultDomain.type().sysfsName();
  }
}
