package org.iommu4j.core.sysfs;

import org.iommu4j.api.Device;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.jspecify.annotations.Nullable;

/** Where the directory of a device is. */
public final class DevicePath {
  /** Where all devices are: {@code /sys/devices}. */
  public static final String ROOT = "/sys/devices";

  private DevicePath() {}

  /**
   * The directory of a device: a PCI function inside that of the bridge above it, one on a virtual
   * bus beside its siblings, any other device among the platform devices.
   *
   * @param device any device
   * @return for example {@code /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0}
   */
  public static String of(Device device) {
    return device instanceof PciDevice function
        ? busPath(function.bus()) + "/" + function.name()
        : ROOT + "/platform/" + device.name();
  }

  /**
   * The directory that holds the functions of a bus: that of the bridge, or of the root.
   *
   * @param bus any bus
   * @return for example {@code /sys/devices/pci0000:00}
   */
  public static String busPath(PciBus bus) {
    PciBus real = withBridge(bus);
    PciDevice bridge = real.bridge();
    return bridge == null ? ROOT + "/pci" + real : of(bridge);
  }

  /** A virtual bus has no directory: its functions hang where the bus above has them. */
  private static PciBus withBridge(PciBus bus) {
    PciBus now = bus;
    @Nullable PciBus above = now.parent();
    while (now.bridge() == null && above != null) {
      now = above;
      above = now.parent();
    }
    return now;
  }
}
