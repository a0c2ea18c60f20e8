package org.iommu4j.core.group;

import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DmaOwnership;
import org.iommu4j.api.IommuGroup;

/** One claim and the ownership it belongs to. */
final class ScopedClaim implements DmaOwnership {
  private final GroupImpl group;
  private final DmaOwner owner;
  private final long generation;
  private final AtomicBoolean closed = new AtomicBoolean();

  ScopedClaim(GroupImpl group, DmaOwner owner, long generation) {
    this.group = group;
    this.owner = owner;
    this.generation = generation;
  }

  @Override
  public DmaOwner owner() {
    return owner;
  }

  @Override
  public IommuGroup group() {
    return group;
  }

  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      throw new IllegalStateException("this claim of " + owner + " on " + group + " was closed");
    }
    boolean ended = false;
    try {
      Scopes.endScopedClaim(group, owner, generation);
      ended = true;
    } finally {
      // A refused release leaves the claim open.
      closed.set(ended);
    }
  }
}
