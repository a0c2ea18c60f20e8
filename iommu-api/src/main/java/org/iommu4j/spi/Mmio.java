package org.iommu4j.spi;

/**
 * The registers of a piece of hardware. Thread-safe; every access is ordered with every other and
 * with memory, as on real device memory.
 */
public interface Mmio {
  /**
   * Reads a 64-bit register.
   *
   * @param offset bytes from the start, a multiple of 8
   * @return the value
   */
  long read64(long offset);

  /**
   * Writes a 64-bit register; what the write triggers may be complete on return or not, as the
   * hardware's description says.
   *
   * @param offset bytes from the start, a multiple of 8
   * @param value the new value
   */
  void write64(long offset, long value);

  /**
   * Reads a 32-bit register.
   *
   * @param offset bytes from the start, a multiple of 4
   * @return the value, zero-extended by the caller
   */
  int read32(long offset);

  /**
   * Writes a 32-bit register.
   *
   * @param offset bytes from the start, a multiple of 4
   * @param value the new value
   */
  void write32(long offset, int value);
}
