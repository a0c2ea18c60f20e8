package org.iommu4j.api;

import java.util.List;

/**
 * One entry of a device's {@code iommus} property: which IOMMU serves it, and under which ids.
 *
 * @param node the IOMMU
 * @param args the ids and flags, in the driver's own format
 */
public record IommuSpecifier(FirmwareNode node, List<Integer> args) {
  /**
   * Creates a specifier.
   *
   * @param node the IOMMU
   * @param args the ids and flags; copied
   */
  public IommuSpecifier {
    args = List.copyOf(args);
  }

  /**
   * A specifier without ids.
   *
   * @param node the IOMMU
   * @return the specifier
   */
  public static IommuSpecifier of(FirmwareNode node) {
    return new IommuSpecifier(node, List.of());
  }
}
