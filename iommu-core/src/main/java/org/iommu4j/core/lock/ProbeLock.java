package org.iommu4j.core.lock;

import java.util.concurrent.locks.ReentrantLock;
import org.iommu4j.api.Mirrors;

/** The one lock that serialises probes and guards per-device objects (CORE-003); not recursive. */
@Mirrors("iommu_probe_device_lock")
public final class ProbeLock extends ReentrantLock {
  private static final long serialVersionUID = 1L;

  private final transient LockOrder order;

  /**
   * Creates an unlocked lock.
   *
   * @param order the order of the core it belongs to
   */
  public ProbeLock(LockOrder order) {
    this.order = order;
  }

  /**
   * Refuses what {@link #lock} would refuse, without locking: for operations that must not begin
   * what they could not finish.
   */
  public void refuseIfUnavailable() {
    LockOrder.Held mine = order.held();
    if (mine.probe) {
      throw order.deadlock("probe lock", "holds that lock already");
    }
    if (mine.group != null) {
      throw order.deadlock("probe lock", "holds a group lock, which comes later in the order");
    }
    order.refuseInsideDma(mine, "probe lock");
  }

  @Override
  public void lock() {
    refuseIfUnavailable();
    super.lock();
    order.held().probe = true;
  }

  @Override
  public void unlock() {
    super.unlock();
    order.held().probe = false;
  }
}
