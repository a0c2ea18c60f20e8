package org.iommu4j.testkit;

import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.Pasid;

/**
 * The DMA of one fake device: what it can reach is what its IOMMU lets it reach, through the
 * IOMMU's caches. Thread-safe.
 *
 * <p>Data are 64-bit words, little-endian. An access at a multiple of 8 is atomic; another one is
 * made of two accesses to the words it touches, lower address first, each with a translation of its
 * own, so the first may have happened when the second is refused.
 *
 * <p>A refused access changes no memory, is recorded by the hardware and throws {@link DmaFault}.
 */
public interface DmaEngine {
  /**
   * Reads 64 bits under a PASID.
   *
   * @param pasid 0 for none
   * @param iova address as the device sees it
   * @return what lies there
   * @throws DmaFault if the access is refused
   */
  long read(int pasid, long iova);

  /**
   * Writes 64 bits under a PASID.
   *
   * @param pasid 0 for none
   * @param iova address as the device sees it
   * @param value the new value
   * @throws DmaFault if the access is refused
   */
  void write(int pasid, long iova, long value);

  /**
   * Finds where an access under a PASID would land, with all it does to caches and tables, without
   * the access itself.
   *
   * @param pasid 0 for none
   * @param iova address as the device sees it
   * @param access the direction
   * @return the physical address
   * @throws DmaFault if the access would be refused
   */
  long translate(int pasid, long iova, FaultAccess access);

  /**
   * Reads 64 bits.
   *
   * @param iova address as the device sees it
   * @return what lies there
   * @throws DmaFault if the access is refused
   */
  default long read(long iova) {
    return read(Pasid.NONE, iova);
  }

  /**
   * Writes 64 bits.
   *
   * @param iova address as the device sees it
   * @param value the new value
   * @throws DmaFault if the access is refused
   */
  default void write(long iova, long value) {
    write(Pasid.NONE, iova, value);
  }

  /**
   * Finds where an access would land, with all it does to caches and tables, without the access
   * itself.
   *
   * @param iova address as the device sees it
   * @param access the direction
   * @return the physical address
   * @throws DmaFault if the access would be refused
   */
  default long translate(long iova, FaultAccess access) {
    return translate(Pasid.NONE, iova, access);
  }
}
