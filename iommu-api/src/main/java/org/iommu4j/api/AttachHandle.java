package org.iommu4j.api;

import org.jspecify.annotations.Nullable;

/**
 * Ties a domain to the requester id or one PASID of a group; it belongs to the caller (CORE-410).
 *
 * <p>Use a fresh handle for every attach or replace: fault paths read handles without the group
 * lock (CORE-416).
 */
@Mirrors("iommu_attach_handle")
public final class AttachHandle {
  private final String label;
  private volatile @Nullable Domain domain;

  /**
   * Creates a handle that is not attached.
   *
   * @param label for messages
   */
  public AttachHandle(String label) {
    this.label = label;
  }

  /**
   * The domain of the latest attach or replace that was attempted with this handle, whatever its
   * outcome.
   *
   * @return null before the first attempt
   */
  @Mirrors("iommu_attach_handle.domain")
  public @Nullable Domain domain() {
    return domain;
  }

  /**
   * Records the domain; only the core calls this, when an attach is attempted.
   *
   * @param newDomain the domain named by the attempt
   */
  public void attempt(Domain newDomain) {
    domain = newDomain;
  }

  @Override
  public String toString() {
    return label;
  }
}
