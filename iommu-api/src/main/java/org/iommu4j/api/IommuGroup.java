package org.iommu4j.api;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The smallest set of devices that hardware can keep apart from others; they share one domain.
 *
 * <p>One lock per group guards members, domains, ownership and the reset fence. Every operation
 * here that needs it refuses with EDEADLK, before blocking, if the calling thread holds it already,
 * holds another group's lock, or holds a lock that comes later in the order. A dead group answers
 * ENODEV. Thread-safe.
 */
@Mirrors("iommu_group")
public interface IommuGroup {
  /**
   * The number of the group: the lowest that was free when it was made.
   *
   * @return zero or more; valid for dead groups too
   */
  @Mirrors({"iommu_group_id", "iommu_group.id"})
  int id();

  /**
   * The name (CORE-029).
   *
   * @return null if unnamed
   */
  @Mirrors("iommu_group.name")
  @Nullable String name();

  /**
   * Names the group; null removes the name, and on an unnamed group gives ENOMEM (CORE-030).
   *
   * @param name the new name, or null
   * @throws IommuException the error of publishing it; the group is then unnamed
   */
  @Mirrors("iommu_group_set_name")
  void setName(@Nullable String name);

  /**
   * Takes a reference.
   *
   * @return this
   */
  @Mirrors("iommu_group_ref_get")
  IommuGroup ref();

  /**
   * Drops a reference; the last one ends the group and frees its number (CORE-027).
   *
   * @throws IommuException EINVAL if only members hold references; nothing changes
   */
  @Mirrors("iommu_group_put")
  void put();

  /**
   * Stores data and the callback that runs when the group ends, replacing both (CORE-028).
   *
   * @param data any object, or null
   * @param release runs on final release with the data, or null
   */
  @Mirrors({"iommu_group_set_iommudata", "iommu_group.iommu_data_release"})
  void setIommudata(@Nullable Object data, @Nullable Consumer<@Nullable Object> release);

  /**
   * The stored data.
   *
   * @return null if none was stored
   */
  @Mirrors({"iommu_group_get_iommudata", "iommu_group.iommu_data"})
  @Nullable Object iommudata();

  /**
   * What is done with each member by {@link #forEachDevice}. Runs with the group lock held.
   *
   * @param <R> what ends the walk
   */
  @FunctionalInterface
  interface DeviceVisitor<R> {
    /**
     * Looks at one member.
     *
     * @param device the member
     * @return null to go on, anything else to stop
     */
    @Nullable R visit(Device device);
  }

  /**
   * Visits the members in list order, with the group lock held (CORE-039).
   *
   * @param <R> what ends the walk
   * @param visitor must not call operations that take the group lock
   * @return the visitor's first non-null answer, or null
   */
  @Mirrors("iommu_group_for_each_dev")
  <R> @Nullable R forEachDevice(DeviceVisitor<R> visitor);

  /**
   * Whether every member's MSIs are isolated (CORE-042).
   *
   * @return true for an empty group
   */
  @Mirrors("iommu_group_has_isolated_msi")
  boolean hasIsolatedMsi();

  /**
   * The default domain, read without a lock.
   *
   * @return null before set-up and after the last member left
   */
  @Mirrors({"iommu_group_default_domain", "iommu_get_dma_domain"})
  @Nullable Domain defaultDomain();

  /**
   * Changes the default domain of all members or of none (CORE-204). DMA to DMA_FQ is live: the
   * domain object stays and no driver is called; everything else needs a group that nobody uses.
   *
   * @param request what is wanted
   * @throws IommuException EINVAL if there is no default domain or the type is refused; EPERM if
   *     the group is in use or empty; EBUSY during a reset; ENOMEM; otherwise the driver's error
   */
  @Mirrors({"iommu_group_store_type", "iommu_setup_default_domain", "iommu_dma_init_fq"})
  void changeDefaultDomain(DefaultDomainRequest request);

  /**
   * A write to the group's {@code type} file (CORE-200 to 209).
   *
   * @param text what is written
   * @param caller whose rights count
   * @return how many characters were consumed: all
   * @throws IommuException EACCES without rights, EINVAL for an unknown text, otherwise as {@link
   *     #changeDefaultDomain}
   */
  @Mirrors("iommu_group_store_type")
  int writeType(String text, Caller caller);

  /**
   * What the {@code type} file reads, without newline (CORE-805).
   *
   * @return for example {@code DMA-FQ}, or {@code unknown}
   */
  @Mirrors("iommu_group_show_type")
  String typeText();

  /**
   * The reserved ranges of all members, sorted and merged (CORE-704).
   *
   * @return a new list
   */
  @Mirrors("iommu_get_group_resv_regions")
  List<ResvRegion> reservedRegions();

  /**
   * Claims the DMA of the group (CORE-310).
   *
   * @param owner who claims
   * @throws IommuException EINVAL for a null owner or a device that needs direct mappings; EPERM if
   *     a driver or an owner uses the group; EBUSY if it is on a consumer's domain, has PASIDs or
   *     is being reset
   */
  @Mirrors("iommu_group_claim_dma_owner")
  void claimDmaOwner(@Nullable DmaOwner owner);

  /** Drops all claims at once and restores the default domain (CORE-321, 322). */
  @Mirrors("iommu_group_release_dma_owner")
  void releaseDmaOwner();

  /**
   * Whether anybody, driver or owner, uses the group (CORE-326).
   *
   * @return a snapshot that may be stale at once
   */
  @Mirrors("iommu_group_dma_owner_claimed")
  boolean dmaOwnerClaimed();

  /**
   * Claims the DMA of the group for a scope.
   *
   * @param owner who claims
   * @return close it to give the claim back
   * @throws IommuException as {@link #claimDmaOwner}
   */
  DmaOwnership own(DmaOwner owner);

  /**
   * Attaches a domain to all members (CORE-401).
   *
   * @param domain the domain
   * @throws IommuException EBUSY if a consumer's domain is attached or a member is being reset;
   *     EINVAL if the domain does not fit; otherwise the driver's error, all members being back
   */
  @Mirrors("iommu_attach_group")
  void attach(Domain domain);

  /**
   * Puts all members back on the blocking domain if the group is owned, else on the default domain
   * (CORE-407).
   *
   * @param domain ignored, as in the kernel
   */
  @Mirrors("iommu_detach_group")
  void detach(Domain domain);

  /**
   * Attaches a domain for a scope.
   *
   * @param domain the domain
   * @return close it to detach
   * @throws IommuException as {@link #attach}
   */
  Attachment attachScoped(Domain domain);

  /**
   * Attaches a domain under a handle (CORE-411).
   *
   * @param domain the domain
   * @param handle the caller's handle
   * @throws IommuException EINVAL for a null handle, EBUSY if there is one, otherwise as {@link
   *     #attach}
   */
  @Mirrors("iommu_attach_group_handle")
  void attachHandle(Domain domain, @Nullable AttachHandle handle);

  /**
   * Undoes {@link #attachHandle} (CORE-412).
   *
   * @param domain ignored, as in the kernel
   */
  @Mirrors("iommu_detach_group_handle")
  void detachHandle(Domain domain);

  /**
   * Replaces domain and handle; on failure both stay (CORE-413).
   *
   * @param domain the new domain
   * @param handle a fresh handle
   * @throws IommuException EINVAL for a null domain or handle, EBUSY during a reset, otherwise the
   *     driver's error
   */
  @Mirrors("iommu_replace_group_handle")
  void replaceHandle(@Nullable Domain domain, @Nullable AttachHandle handle);

  /**
   * Looks up the handle of a PASID, or of the requester id at index 0; takes no group lock
   * (CORE-415).
   *
   * @param pasid the index
   * @param type the type the domain must have; null, or BLOCKED with its value 0, for any
   * @return the handle
   * @throws IommuException ENOENT if there is none, EBUSY if the type differs
   */
  @Mirrors("iommu_attach_handle_get")
  AttachHandle handle(int pasid, @Nullable DomainType type);

  /**
   * The state of the group at this moment.
   *
   * @return an immutable copy
   */
  GroupSnapshot snapshot();
}
