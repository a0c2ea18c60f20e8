package org.iommu4j.testkit;

/**
 * A driver of devices, as a kernel has many: what {@link FakeMachine} binds.
 *
 * @param name for example {@code igc}
 * @param managesDma whether it claims the DMA of its devices by itself, or uses none ({@code
 *     driver_managed_dma}); all others count as users of the group's default domain
 */
public record FakeDriver(String name, boolean managesDma) {
  /**
   * A driver that uses the DMA API.
   *
   * @param name its name
   * @return a driver without {@code driver_managed_dma}
   */
  public static FakeDriver usingDmaApi(String name) {
    return new FakeDriver(name, false);
  }

  /**
   * A driver that claims the DMA of its devices by itself, or uses none.
   *
   * @param name its name
   * @return a driver with {@code driver_managed_dma}
   */
  public static FakeDriver managingDma(String name) {
    return new FakeDriver(name, true);
  }

  /**
   * A driver of Linux by its name: the port driver, {@code pci-stub} and {@code vfio-pci} with its
   * variants manage DMA, all others use the DMA API.
   *
   * @param name as in {@code /sys/bus/pci/drivers}
   * @return the driver
   */
  public static FakeDriver ofLinux(String name) {
    return switch (name) {
      case "pcieport", "pci-stub", "pci_stub", "vfio-platform", "vfio-amba", "vfio-fsl-mc" ->
          managingDma(name);
      default -> new FakeDriver(name, name.contains("vfio") && name.contains("pci"));
    };
  }

  @Override
  public String toString() {
    return name;
  }
}
