package org.iommu4j.pgtable;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.iommu4j.api.IotlbGather;

/** Tables that unmaps unlinked and that wait for a full flush (FQ-017). Thread-safe. */
final class RetiredTables {
  @GuardedBy("this")
  private IotlbGather waiting = new IotlbGather();

  /** Takes the tables of a gather, which has none afterwards. */
  synchronized void add(IotlbGather gather) {
    gather.moveFreedTo(waiting);
  }

  /** The tables that wait now, each only once: a flush that begins after this makes them free. */
  synchronized IotlbGather take() {
    IotlbGather taken = waiting;
    waiting = new IotlbGather();
    return taken;
  }
}
