package org.iommu4j.spi;

/** The interrupt of a piece of hardware. */
public interface InterruptLine {
  /**
   * Sets what runs when the interrupt fires; it replaces the previous handler.
   *
   * @param handler runs on a thread of the hardware, under no core lock
   */
  void onInterrupt(Runnable handler);
}
