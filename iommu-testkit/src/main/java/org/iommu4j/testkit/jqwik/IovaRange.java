package org.iommu4j.testkit.jqwik;

/**
 * A range of addresses that does not wrap. Addresses are unsigned.
 *
 * @param first first address
 * @param last last address, inclusive
 */
public record IovaRange(long first, long last) {
  /**
   * Creates a range.
   *
   * @param first first address
   * @param last last address, inclusive
   * @throws IllegalArgumentException if the last address is below the first
   */
  public IovaRange {
    if (Long.compareUnsigned(last, first) < 0) {
      throw new IllegalArgumentException(
          String.format("the range from 0x%x to 0x%x is upside down", first, last));
    }
  }

  /**
   * A range of a given size.
   *
   * @param first first address
   * @param size bytes, at least 1
   * @return a range
   * @throws IllegalArgumentException if it is empty or wraps
   */
  public static IovaRange ofSize(long first, long size) {
    if (size == 0) {
      throw new IllegalArgumentException(String.format("the range at 0x%x is empty", first));
    }
    return new IovaRange(first, first + size - 1);
  }

  /**
   * How large it is.
   *
   * @return bytes, unsigned; 0 stands for all 2<sup>64</sup>
   */
  public long size() {
    return last - first + 1;
  }

  /**
   * Whether an address lies in it.
   *
   * @param address the address
   * @return true from first to last
   */
  public boolean contains(long address) {
    return Long.compareUnsigned(first, address) <= 0 && Long.compareUnsigned(address, last) <= 0;
  }

  /**
   * Whether all of another range lies in it.
   *
   * @param other the other range
   * @return true for the same range too
   */
  public boolean contains(IovaRange other) {
    return contains(other.first) && contains(other.last);
  }

  /**
   * Whether it shares an address with another range.
   *
   * @param other the other range
   * @return false for ranges that only touch
   */
  public boolean overlaps(IovaRange other) {
    return contains(other.first) || other.contains(first);
  }

  @Override
  public String toString() {
    return size() == 0 ? "all addresses" : String.format("0x%x+0x%x", first, size());
  }
}
