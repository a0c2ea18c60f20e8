package org.iommu4j.core.lock;

import java.util.concurrent.locks.ReentrantLock;

/**
 * The lock under which a driver is bound to a device or unbound; outermost, not recursive. The core
 * takes it for those two operations only and never under a group lock (CORE-004).
 */
public final class DeviceLock extends ReentrantLock {
  private static final long serialVersionUID = 1L;

  private final transient LockOrder order;
  private final String device;

  /**
   * Creates an unlocked lock.
   *
   * @param order the order of the core it belongs to
   * @param device for refusals
   */
  public DeviceLock(LockOrder order, String device) {
    this.order = order;
    this.device = device;
  }

  @Override
  public void lock() {
    LockOrder.Held mine = order.held();
    if (isHeldByCurrentThread()) {
      throw order.deadlock("lock of device " + device, "holds that lock already");
    }
    if (mine.probe || mine.group != null) {
      throw order.deadlock(
          "lock of device " + device, "holds the probe or a group lock, which come later");
    }
    order.refuseInsideDma(mine, "lock of device " + device);
    super.lock();
    mine.devices++;
  }

  @Override
  public void unlock() {
    super.unlock();
    order.held().devices--;
  }
}
