package org.iommu4j.api;

import java.util.List;

/**
 * What firmware says about the IOMMU of a device, as read at one moment (CORE-073).
 *
 * @param node the IOMMU's node
 * @param ids the device's ids there, in the order in which they were added
 * @param rootComplexAts whether the root complex supports ATS; no reader of firmware sets it yet
 */
@Mirrors("iommu_fwspec")
public record Fwspec(
    @Mirrors("iommu_fwspec.iommu_fwnode") FirmwareNode node,
    @Mirrors({"iommu_fwspec.ids", "iommu_fwspec.num_ids"}) List<Integer> ids,
    boolean rootComplexAts) {
  /**
   * Creates a snapshot.
   *
   * @param node the IOMMU's node
   * @param ids the ids; copied
   * @param rootComplexAts whether the root complex supports ATS
   */
  public Fwspec {
    ids = List.copyOf(ids);
  }
}
