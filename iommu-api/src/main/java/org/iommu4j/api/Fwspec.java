package org.iommu4j.api;

import java.util.List;

/**
 * What firmware says about the IOMMU of a device, as read at one moment (CORE-073).
 *
 * @param node the IOMMU's node
 * @param ids the device's ids there, in the order in which they were added
 * @param rootComplexAts whether the root complex supports ATS
 */
@Mirrors({
  "iommu_fwspec",
  "iommu_fwspec.iommu_fwnode",
  "iommu_fwspec.ids",
  "iommu_fwspec.num_ids",
  "iommu_fwspec.flags",
  "IOMMU_FWSPEC_PCI_RC_ATS"
})
public record Fwspec(FirmwareNode node, List<Integer> ids, boolean rootComplexAts) {
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
