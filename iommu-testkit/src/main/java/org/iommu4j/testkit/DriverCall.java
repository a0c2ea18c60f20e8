package org.iommu4j.testkit;

import org.iommu4j.api.Device;
import org.jspecify.annotations.Nullable;

/**
 * One call into a driver.
 *
 * @param callback what is called
 * @param device the device it is about, if it is about one
 * @param operands all operands, as text
 */
record DriverCall(DriverCallback callback, @Nullable Device device, String operands) {
  @Override
  public String toString() {
    return operands.isEmpty() ? callback.label() : callback.label() + " " + operands;
  }
}
