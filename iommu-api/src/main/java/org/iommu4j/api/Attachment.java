package org.iommu4j.api;

/**
 * A domain attached to a group, detached by {@link #close}.
 *
 * <p>If the group has moved on to another domain meanwhile, closing changes nothing and records a
 * violation that says what moved it.
 */
public interface Attachment extends AutoCloseable {
  /**
   * What is attached.
   *
   * @return the domain
   */
  Domain domain();

  /**
   * Where it is attached.
   *
   * @return the group
   */
  IommuGroup group();

  /**
   * Puts the group back on its blocking domain if it is owned, else on its default domain.
   *
   * @throws IllegalStateException if this attachment was closed before; nothing changes
   */
  @Override
  void close();
}
