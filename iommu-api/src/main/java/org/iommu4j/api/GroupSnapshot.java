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
    @Nullable Domain defaultDomain,
    @Nullable Domain currentDomain,
    @Nullable Domain blockingDomain,
    @Nullable DmaOwner owner,
    int ownerCount,
    int recoveryCount,
    int references,
    Map<Integer, PasidEntry> pasids,
    List<Member> members) {

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
      Device device,
      String linkName,
      boolean dma,
      boolean deferred,
      boolean requireDirect,
      boolean blocked,
      int resetDepth) {}

  /**
   * The text of the group's {@code type} file (CORE-805).
   *
   * @return for example {@code DMA-FQ}, or {@code unknown}
   */
  public String typeText() {
    return defaultDomain == null ? "unknown" : defaultDomain.type().sysfsName();
  }
}
