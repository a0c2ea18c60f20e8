package org.iommu4j.testkit.linux;

/**
 * An unbind or a removal, which lasts as long as somebody holds a device that it takes away: on a
 * real system the writer sleeps in {@code write(2)} meanwhile.
 */
public interface Removal {
  /**
   * Whether it has come to its end.
   *
   * @return false while a device is still in use
   */
  boolean finished();
}
