package org.iommu4j.testkit.vfio;

import org.iommu4j.api.IommuException;

/** A descriptor of {@code /dev/vfio/vfio}: a set of mappings and the groups that use it. */
public final class VfioContainer extends VfioHandle {
  private static final int TYPE1 = 1;
  private static final int TYPE1_V2 = 3;

  private final Container container;

  VfioContainer(FakeVfio vfio) {
    super(vfio);
    this.container = new Container(vfio);
  }

  Container container() {
    return container;
  }

  /**
   * {@code VFIO_GET_API_VERSION}.
   *
   * @return 0
   */
  public int apiVersion() {
    requireOpen();
    return 0;
  }

  /**
   * {@code VFIO_CHECK_EXTENSION}.
   *
   * @param extension for example 1 for type 1, 3 for its version 2
   * @return whether it is there
   */
  public boolean checkExtension(int extension) {
    requireOpen();
    return extension == TYPE1 || extension == TYPE1_V2;
  }

  /**
   * {@code VFIO_SET_IOMMU} with version 2 of type 1: attaches every group of the container to a
   * domain of its own making. If one is refused, none is attached, but all stay in the container,
   * and owned.
   *
   * @throws IommuException EINVAL if there is no group, or an IOMMU already, or a group's aperture
   *     or reserved regions do not fit; EPERM if interrupts are not isolated; otherwise the core's
   *     error
   */
  public void setIommu() {
    synchronized (vfio.lock()) {
      requireOpen();
      container.setIommu();
    }
  }

  /**
   * {@code VFIO_IOMMU_GET_INFO}.
   *
   * @return page sizes and address ranges
   * @throws IommuException EINVAL before {@link #setIommu} has succeeded
   */
  public VfioInfo info() {
    synchronized (vfio.lock()) {
      requireOpen();
      return container.iommu("get info").info();
    }
  }

  /**
   * {@code VFIO_IOMMU_MAP_DMA}.
   *
   * @param iova first address, a multiple of the smallest page size
   * @param memory physical address of pinned memory, a multiple of it too
   * @param size bytes, a multiple of it too, not zero
   * @param prot {@link org.iommu4j.api.Prot} bits, at least one
   * @throws IommuException EINVAL before {@link #setIommu} has succeeded, for arguments out of
   *     range, and outside the address ranges; EEXIST if something is mapped there
   */
  public void mapDma(long iova, long memory, long size, int prot) {
    synchronized (vfio.lock()) {
      requireOpen();
      container.iommu("map").map(iova, memory, size, prot);
    }
  }

  /**
   * {@code VFIO_IOMMU_UNMAP_DMA}.
   *
   * @param iova first address, a multiple of the smallest page size
   * @param size bytes, a multiple of it too, not zero
   * @return bytes unmapped, 0 if nothing was mapped there
   * @throws IommuException EINVAL before {@link #setIommu} has succeeded, for arguments out of
   *     range, and if a mapping would be split
   */
  public long unmapDma(long iova, long size) {
    synchronized (vfio.lock()) {
      requireOpen();
      return container.iommu("unmap").unmap(iova, size);
    }
  }

  /** Groups keep the container; nothing happens before the last one leaves. */
  @Override
  Runnable release() {
    return () -> {};
  }

  @Override
  public String toString() {
    return "VFIO container";
  }
}
