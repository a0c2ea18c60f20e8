package org.iommu4j.testkit.linux;

import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;

/**
 * What a driver does when it gets and loses a device. Runs under the lock of {@link LinuxPci}, so
 * it must not call it from another thread and wait.
 */
public interface DriverHooks {
  /** A driver that takes every device and lets every device go. */
  DriverHooks NONE = new DriverHooks() {};

  /**
   * Takes a device whose DMA has been configured.
   *
   * @param device the device
   * @throws IommuException if the driver does not want it; the bind fails with this errno
   */
  default void probe(PciDevice device) {}

  /**
   * Lets a device go.
   *
   * @param device the device
   * @param later to be run, by any thread and with no lock of the driver held, once a device that
   *     was in use is free
   * @return false if the device is still in use: whoever unbinds or removes it waits for {@code
   *     later}
   */
  default boolean remove(PciDevice device, Runnable later) {
    return true;
  }
}
