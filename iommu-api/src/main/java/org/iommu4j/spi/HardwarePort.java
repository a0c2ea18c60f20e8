package org.iommu4j.spi;

/** Everything a driver needs of one IOMMU's hardware. */
public interface HardwarePort {
  /**
   * The name of the hardware, used for its class device.
   *
   * @return for example {@code soft0}
   */
  String name();

  /**
   * The memory in which tables live.
   *
   * @return shared by the driver and the hardware
   */
  PhysicalMemory memory();

  /**
   * The registers.
   *
   * @return the register window
   */
  Mmio registers();

  /**
   * The interrupt.
   *
   * @return the line on which faults are announced
   */
  InterruptLine interrupt();
}
