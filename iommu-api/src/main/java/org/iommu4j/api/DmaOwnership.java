package org.iommu4j.api;

/**
 * One claim on the DMA of a group, given back by {@link #close}.
 *
 * <p>It knows which ownership it belongs to: if that has ended meanwhile, closing changes nothing
 * and records a violation that says what ended it.
 */
public interface DmaOwnership extends AutoCloseable {
  /**
   * Who claimed.
   *
   * @return the token
   */
  DmaOwner owner();

  /**
   * What was claimed.
   *
   * @return the group
   */
  IommuGroup group();

  /**
   * Gives this claim back; the last claim returns the group to its default domain.
   *
   * @throws IommuException EBUSY while a PASID or handle is attached; the claim stays open
   * @throws IllegalStateException if this claim was closed before; nothing changes
   */
  @Override
  void close();
}
