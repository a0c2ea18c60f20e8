package org.iommu4j.spi;

import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.Mirrors;
import org.jspecify.annotations.Nullable;

/**
 * One IOMMU: a piece of hardware, or a model of it, together with its driver. Register it with a
 * core to have its devices probed. Compared by identity; may be registered with one core at a time.
 */
@Mirrors("iommu_device")
public interface IommuDevice {
  /**
   * The name of its class device, for example {@code dmar0}.
   *
   * @return a constant
   */
  String name();

  /**
   * The driver. Two instances may share one driver object.
   *
   * @return always the same object
   */
  @Mirrors("iommu_device.ops")
  IommuOps ops();

  /**
   * Where firmware describes it.
   *
   * @return null if it is found as the first instance without a node (CORE-056)
   */
  @Mirrors("iommu_device.fwnode")
  default @Nullable FirmwareNode firmwareNode() {
    return null;
  }

  /**
   * How many PASIDs it supports.
   *
   * @return 0 for none
   */
  @Mirrors("iommu_device.max_pasids")
  default int maxPasids() {
    return 0;
  }
}
