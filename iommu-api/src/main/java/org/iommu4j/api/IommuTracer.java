package org.iommu4j.api;

import org.jspecify.annotations.Nullable;

/**
 * Watches a core: its trace events, broken invariants and messages (section K).
 *
 * <p>Methods run on the thread that caused the event, often with the group lock held: they must be
 * quick and must not call operations that need a lock (EDEADLK). An exception from here is recorded
 * as a violation and otherwise ignored.
 */
public interface IommuTracer {
  /**
   * A device was published in a group (CORE-1000).
   *
   * @param group the group
   * @param device the device
   */
  @Mirrors("add_device_to_group")
  default void deviceAdded(IommuGroup group, Device device) {}

  /**
   * A device was taken out of a group (CORE-1000).
   *
   * @param group the group
   * @param device the device
   */
  @Mirrors("remove_device_from_group")
  default void deviceRemoved(IommuGroup group, Device device) {}

  /**
   * A device was attached to a domain (CORE-1001).
   *
   * @param device the device
   * @param domain the domain
   */
  @Mirrors("attach_device_to_domain")
  default void attached(Device device, Domain domain) {}

  /**
   * A map call ended, well or badly (CORE-1002).
   *
   * @param domain the domain
   * @param iova first address
   * @param paddr first physical address
   * @param size bytes actually mapped
   */
  @Mirrors("map")
  default void mapped(Domain domain, long iova, long paddr, long size) {}

  /**
   * An unmap call ended (CORE-1003).
   *
   * @param domain the domain
   * @param iova first address
   * @param size bytes asked for
   * @param unmapped bytes unmapped
   */
  @Mirrors("unmap")
  default void unmapped(Domain domain, long iova, long size, long unmapped) {}

  /**
   * A device faulted (CORE-1004).
   *
   * @param device the device
   * @param iova the address
   * @param access read or write
   */
  @Mirrors("io_page_fault")
  default void fault(Device device, long iova, FaultAccess access) {}

  /**
   * An invariant is broken (section K.2).
   *
   * @param violation which and why
   */
  default void violation(Violation violation) {}

  /**
   * The core says something that tools may want to recognise.
   *
   * @param message which message
   * @param device the device it is about, if any
   * @param text for people
   */
  default void message(CoreMessage message, @Nullable Device device, String text) {}
}
