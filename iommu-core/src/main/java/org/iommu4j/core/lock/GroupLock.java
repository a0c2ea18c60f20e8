package org.iommu4j.core.lock;

import java.util.concurrent.locks.ReentrantLock;
import org.iommu4j.api.Mirrors;

/**
 * THE lock of a group: sleeping and not recursive (CORE-002).
 *
 * <p>It guards the member list, the domain pointers, ownership, the reset fence and writes to the
 * PASID table. Taking a member off the list and the driver's {@code releaseDevice} are one critical
 * section (CORE-603), so whoever holds the lock may call the driver of any listed member. That is
 * why a change of the default domain needs no lock per device: extra locks taken member by member
 * would have to be ordered against this one and against each other, and release, which runs inside
 * this lock, would invert that order.
 *
 * <p>It extends {@link ReentrantLock} only so that the compiler's guarded-by check understands it;
 * re-entry is refused with EDEADLK.
 */
@Mirrors("iommu_group.mutex")
public final class GroupLock extends ReentrantLock {
  private static final long serialVersionUID = 1L;

  private final transient LockOrder order;
  private final int groupId;

  /**
   * Creates an unlocked lock.
   *
   * @param order the order of the core it belongs to
   * @param groupId for refusals
   */
  public GroupLock(LockOrder order, int groupId) {
    this.order = order;
    this.groupId = groupId;
  }

  @Override
  public void lock() {
    LockOrder.Held mine = order.held();
    if (mine.group != null) {
      throw order.deadlock(
          "lock of group " + groupId,
          mine.group == this
              ? "holds that lock already"
              : "holds the lock of group " + mine.group.groupId);
    }
    order.refuseInsideDma(mine, "lock of group " + groupId);
    super.lock();
    mine.group = this;
  }

  @Override
  public void unlock() {
    super.unlock();
    order.held().group = null;
  }
}
