package org.iommu4j.api;

/**
 * What kind of memory a map call may use for tables; only the first two are ordinary (CORE-500).
 */
public enum Gfp {
  /** Ordinary memory; the call may wait for it. */
  KERNEL,
  /** Ordinary memory, without waiting. */
  ATOMIC,
  /** A compound page: refused. */
  COMPOUND,
  /** The 16 MiB zone: refused. */
  DMA,
  /** The 4 GiB zone: refused. */
  DMA32,
  /** Memory without a permanent mapping: refused. */
  HIGHMEM;

  /**
   * Whether map calls accept it.
   *
   * @return true for {@link #KERNEL} and {@link #ATOMIC}
   */
  public boolean ordinary() {
    return this == KERNEL || this == ATOMIC;
  }
}
