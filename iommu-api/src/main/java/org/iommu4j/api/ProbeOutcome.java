package org.iommu4j.api;

import org.jspecify.annotations.Nullable;

/**
 * How the probe went that a new device caused; a failure never keeps the device off its bus
 * (CORE-062).
 *
 * @param device the IOMMU side of the device, if the probe succeeded
 * @param failure why it failed, otherwise
 */
public record ProbeOutcome(@Nullable DevIommu device, @Nullable IommuException failure) {
  /**
   * Whether an IOMMU serves the device now.
   *
   * @return true if the probe succeeded
   */
  public boolean succeeded() {
    return failure == null;
  }

  /**
   * The IOMMU side of the device.
   *
   * @return the device
   * @throws IommuException the failure, if the probe failed
   */
  public DevIommu orThrow() {
    if (device == null) {
      throw failure == null ? new IllegalStateException("neither a device nor a failure") : failure;
    }
    return device;
  }
}
