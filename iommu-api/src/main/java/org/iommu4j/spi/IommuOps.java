package org.iommu4j.spi;

import java.util.List;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.ResvRegion;
import org.jspecify.annotations.Nullable;

/**
 * An IOMMU driver: what the core calls when devices come, go and change domains.
 *
 * <p>Presence of an optional operation is declared by {@link #operations} and never inferred.
 * Failure is reported by {@link IommuException}; any other exception counts as EIO and is recorded
 * as a violation. "P" below means that the probe lock is held, "G" the group lock; a callback must
 * not call core operations that need a lock it is called under (EDEADLK).
 */
@Mirrors("iommu_ops")
public interface IommuOps {
  /**
   * The driver's name, for messages.
   *
   * @return a constant
   */
  String name();

  /**
   * Which optional operations exist. The core samples the set once, at registration.
   *
   * @return a constant set
   */
  Set<IommuOp> operations();

  /**
   * The shared identity domain (CORE-165).
   *
   * @return always the same object, or null
   */
  @Mirrors("iommu_ops.identity_domain")
  default @Nullable StaticDomain identityDomain() {
    return null;
  }

  /**
   * The shared blocking domain (CORE-318).
   *
   * @return always the same object, or null
   */
  @Mirrors("iommu_ops.blocked_domain")
  default @Nullable StaticDomain blockedDomain() {
    return null;
  }

  /**
   * The domain a device is put on before {@link #releaseDevice} (CORE-606).
   *
   * @return always the same object, or null
   */
  @Mirrors("iommu_ops.release_domain")
  default @Nullable StaticDomain releaseDomain() {
    return null;
  }

  /**
   * The only default domain this driver supports (CORE-160).
   *
   * @return always the same object, or null for a free choice
   */
  @Mirrors("iommu_ops.default_domain")
  default @Nullable StaticDomain defaultDomain() {
    return null;
  }

  /**
   * Takes charge of a device. Runs under P.
   *
   * @param device the device
   * @return the instance that serves it
   * @throws IommuException ENODEV for "not mine"
   */
  @Mirrors("iommu_ops.probe_device")
  IommuDevice probeDevice(DevIommu device);

  /**
   * Gives a device up; afterwards no domain pointer of this device may be used (CORE-608). Runs
   * under G, or under P after an early probe failure.
   *
   * @param device the device
   */
  @Mirrors("iommu_ops.release_device")
  default void releaseDevice(DevIommu device) {
    throw Absent.operation(IommuOp.RELEASE_DEVICE);
  }

  /**
   * Completes a probe. Runs under no lock and may call the core.
   *
   * @param device the device
   */
  @Mirrors("iommu_ops.probe_finalize")
  default void probeFinalize(DevIommu device) {
    throw Absent.operation(IommuOp.PROBE_FINALIZE);
  }

  /**
   * Chooses the group of a device and hands one reference over. Runs under P.
   *
   * @param device the device
   * @param groups ready-made choices
   * @return the group; null is a violation that counts as EINVAL
   * @throws IommuException if no group can be given
   */
  @Mirrors("iommu_ops.device_group")
  @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups);

  /**
   * The default domain type this device needs. Runs under G, at hot add also P.
   *
   * @param device the device
   * @return null for no preference; BLOCKED counts as no preference (CORE-010)
   */
  @Mirrors("iommu_ops.def_domain_type")
  default @Nullable DomainType defDomainType(DevIommu device) {
    throw Absent.operation(IommuOp.DEF_DOMAIN_TYPE);
  }

  /**
   * Whether the first attach must wait until the device's driver asks (CORE-195). Runs under P.
   *
   * @param device the device
   * @return true to defer
   */
  @Mirrors("iommu_ops.is_attach_deferred")
  default boolean isAttachDeferred(DevIommu device) {
    throw Absent.operation(IommuOp.IS_ATTACH_DEFERRED);
  }

  /**
   * The reserved ranges of a device. Runs under P, G or none.
   *
   * @param device the device
   * @param regions append here
   */
  @Mirrors("iommu_ops.get_resv_regions")
  default void resvRegions(DevIommu device, List<ResvRegion> regions) {
    throw Absent.operation(IommuOp.GET_RESV_REGIONS);
  }

  /**
   * Whether something can be done for a device. Runs under G or none.
   *
   * @param device the device
   * @param capability what is asked for
   * @return true if it can
   */
  @Mirrors("iommu_ops.capable")
  default boolean capable(DevIommu device, Capability capability) {
    throw Absent.operation(IommuOp.CAPABLE);
  }

  /**
   * Takes over the ids that firmware gives a device, usually by {@link DevIommu#addFwspecIds}. Runs
   * under P.
   *
   * @param device the device
   * @param specifier node and ids
   * @throws IommuException if they make no sense
   */
  @Mirrors("iommu_ops.of_xlate")
  default void ofXlate(DevIommu device, IommuSpecifier specifier) {
    throw Absent.operation(IommuOp.OF_XLATE);
  }

  /**
   * Makes a translating domain. Runs under P, G or none.
   *
   * @param device a device it must suit
   * @return the domain; null counts as ENOMEM
   * @throws IommuException if none can be made
   */
  @Mirrors("iommu_ops.domain_alloc_paging")
  default @Nullable PagingDomainOps domainAllocPaging(DevIommu device) {
    throw Absent.operation(IommuOp.DOMAIN_ALLOC_PAGING);
  }

  /**
   * Makes a translating domain with wishes. Runs under P, G or none.
   *
   * @param device a device it must suit
   * @param flags the wishes, possibly none
   * @return the domain; null counts as ENOMEM
   * @throws IommuException EOPNOTSUPP if a wish cannot be met
   */
  @Mirrors("iommu_ops.domain_alloc_paging_flags")
  default @Nullable PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
    throw Absent.operation(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
  }

  /**
   * Makes a pass-through domain. Runs under P and G, or G.
   *
   * @param device a device it must suit
   * @return the domain; null counts as ENOMEM
   * @throws IommuException if none can be made
   */
  @Mirrors("iommu_ops.domain_alloc_identity")
  default @Nullable DomainOps domainAllocIdentity(DevIommu device) {
    throw Absent.operation(IommuOp.DOMAIN_ALLOC_IDENTITY);
  }
}
