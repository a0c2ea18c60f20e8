package org.iommu4j.spi;

/** Finds drivers with {@link java.util.ServiceLoader}: one provider per kind of hardware. */
public interface IommuDriverProvider {
  /**
   * The kind of hardware, for example {@code soft}.
   *
   * @return a constant, unique among providers
   */
  String name();

  /**
   * Brings a driver up on hardware.
   *
   * @param port the hardware
   * @return an instance ready to be registered
   */
  IommuDevice open(HardwarePort port);
}
