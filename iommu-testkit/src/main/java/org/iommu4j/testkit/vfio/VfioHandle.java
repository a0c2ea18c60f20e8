package org.iommu4j.testkit.vfio;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/**
 * A file descriptor of VFIO. Once closed, every call answers EBADF. Thread-safe, as everything here
 * is: one lock per {@link FakeVfio}.
 */
public abstract sealed class VfioHandle implements AutoCloseable
    permits VfioContainer, VfioGroup, VfioDevice {
  final FakeVfio vfio;
  private volatile boolean closed;

  VfioHandle(FakeVfio vfio) {
    this.vfio = vfio;
  }

  /**
   * Whether the descriptor has been closed.
   *
   * @return false at first
   */
  public final boolean isClosed() {
    return closed;
  }

  final void requireOpen() {
    if (closed) {
      throw new IommuException(Errno.EBADF, this + " has been closed");
    }
  }

  /**
   * close(2).
   *
   * @throws IommuException EBADF if it has been closed before
   */
  @Override
  public final void close() {
    Runnable afterwards;
    synchronized (vfio.lock()) {
      requireOpen();
      closed = true;
      afterwards = release();
    }
    // Whoever waited for a device takes locks that come before ours.
    afterwards.run();
  }

  /** Gives up what the descriptor stood for, under the lock; the answer runs without it. */
  abstract Runnable release();
}
