package org.iommu4j.spi;

import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;
import org.jspecify.annotations.Nullable;

/**
 * A domain as its driver sees it: in Java one object is the kernel's structure and its operations.
 *
 * <p>Only operations named by {@link #operations} are ever called. A callback reports failure by
 * {@link IommuException}; any other exception counts as EIO and is recorded as a violation of the
 * contract. Callbacks run with the group lock held unless said otherwise and must not call back
 * into operations that take it: such a call is refused with EDEADLK.
 */
@Mirrors({"iommu_domain_ops", "iommu_domain.ops"})
public interface DomainOps {
  /**
   * Which operations exist. The core samples the set once, when the domain is made.
   *
   * @return a constant set
   */
  Set<DomainOp> operations();

  /**
   * Points the DMA of a device at this domain. A failing attach must leave the device where it was
   * (CORE-426).
   *
   * @param self the core's object for this domain
   * @param device the device
   * @param old where it was before, or null
   * @throws IommuException EINVAL if another domain may work; other errors per CORE-403
   */
  @Mirrors("iommu_domain_ops.attach_dev")
  default void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    throw Absent.operation(DomainOp.ATTACH_DEV);
  }

  /**
   * Points one PASID of a device at this domain; failing, it must leave it where it was.
   *
   * @param self the core's object for this domain
   * @param device the device
   * @param pasid 1 or more
   * @param old where the PASID was before, or null
   * @throws IommuException if it cannot be done
   */
  @Mirrors("iommu_domain_ops.set_dev_pasid")
  default void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    throw Absent.operation(DomainOp.SET_DEV_PASID);
  }

  /**
   * Frees what the driver holds for this domain. No device is attached any more. Runs with or
   * without the group lock.
   *
   * @param self the core's object for this domain
   */
  @Mirrors("iommu_domain_ops.free")
  default void free(Domain self) {
    throw Absent.operation(DomainOp.FREE);
  }
}
