package org.iommu4j.core.group;

import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.Attachment;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuGroup;

/** One attachment and the change of domain that made it. */
final class ScopedAttachment implements Attachment {
  private final GroupImpl group;
  private final Domain domain;
  private final long generation;
  private final AtomicBoolean closed = new AtomicBoolean();

  ScopedAttachment(GroupImpl group, Domain domain, long generation) {
    this.group = group;
    this.domain = domain;
    this.generation = generation;
  }

  @Override
  public Domain domain() {
    return domain;
  }

  @Override
  public IommuGroup group() {
    return group;
  }

  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      throw new IllegalStateException(
          "this attachment of " + domain + " to " + group + " was closed");
    }
    boolean ended = false;
    try {
      Scopes.endScopedAttachment(group, domain, generation);
      ended = true;
    } finally {
      closed.set(ended);
    }
  }
}
