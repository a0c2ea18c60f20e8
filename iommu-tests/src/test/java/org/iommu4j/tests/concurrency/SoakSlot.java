package org.iommu4j.tests.concurrency;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.locks.ReentrantLock;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/**
 * The life of one device. Whoever plugs, binds, resets or removes it holds the lock, as a kernel
 * holds the device lock; what others do to its group goes on meanwhile.
 */
final class SoakSlot {
  final Device device;
  final SoakGroup group;
  final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  boolean plugged;

  /** Why the last probe was refused; null if it was not. */
  @GuardedBy("lock")
  @Nullable IommuException refusal;

  /** Whether a driver is bound that counts as a user of the DMA API. */
  @GuardedBy("lock")
  boolean counted;

  /** Whether a driver is bound that manages DMA itself. */
  @GuardedBy("lock")
  boolean managing;

  SoakSlot(Device device, SoakGroup group) {
    this.device = device;
    this.group = group;
  }

  boolean isAnchor() {
    return group.anchored() && device == group.anchor();
  }
}
