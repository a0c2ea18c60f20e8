package org.iommu4j.core.domain;

import java.util.function.Supplier;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.lock.LockOrder;
import org.iommu4j.core.trace.CoreTrace;
import org.jspecify.annotations.Nullable;

/**
 * The fence around every callback: an {@link IommuException} is the driver's answer; anything else
 * it throws counts as EIO and is recorded, so that a broken driver leaves the core consistent.
 */
public final class DriverGuard {
  private final LockOrder order;
  private final CoreTrace trace;
  private volatile boolean closed;

  /**
   * Creates a fence.
   *
   * @param order told which callback runs
   * @param trace told about unexpected exceptions
   */
  public DriverGuard(LockOrder order, CoreTrace trace) {
    this.order = order;
    this.trace = trace;
  }

  /**
   * Runs a callback that may fail.
   *
   * @param callback its name
   * @param subject what it is about
   * @param body the call
   * @return null on success, else the failure
   */
  public @Nullable IommuException attempt(String callback, Object subject, Runnable body) {
    String outer = order.enterCallback(callback);
    try {
      body.run();
      return null;
    } catch (IommuException refused) {
      return refused;
    } catch (Throwable unexpected) {
      return broken(callback, subject, unexpected);
    } finally {
      order.leaveCallback(outer);
    }
  }

  /**
   * Runs a callback that returns something or fails.
   *
   * @param <T> what it returns
   * @param callback its name
   * @param subject what it is about
   * @param body the call
   * @return its answer
   * @throws IommuException its failure
   */
  public <T extends @Nullable Object> T call(String callback, Object subject, Supplier<T> body) {
    String outer = order.enterCallback(callback);
    try {
      return body.get();
    } catch (IommuException refused) {
      throw refused;
    } catch (Throwable unexpected) {
      throw broken(callback, subject, unexpected);
    } finally {
      order.leaveCallback(outer);
    }
  }

  /**
   * Runs a callback that must return something; null counts as a broken driver.
   *
   * @param <T> what it returns
   * @param callback its name
   * @param subject what it is about
   * @param body the call
   * @return its answer
   * @throws IommuException its failure, or EIO for null
   */
  public <T> T required(String callback, Object subject, Supplier<@Nullable T> body) {
    T answer = this.<@Nullable T>call(callback, subject, body);
    if (answer == null) {
      throw broken(callback, subject, new NullPointerException(callback + " returned null"));
    }
    return answer;
  }

  /**
   * Runs a callback that cannot fail; what it throws is recorded and contained.
   *
   * @param callback its name
   * @param subject what it is about
   * @param body the call
   */
  public void contain(String callback, Object subject, Runnable body) {
    IommuException failure = attempt(callback, subject, body);
    if (failure != null && !(failure.getCause() instanceof UnexpectedByDriver)) {
      recordException(callback, subject, failure);
    }
  }

  /**
   * Turns an unexpected exception of a callback into EIO and records it.
   *
   * @param callback its name
   * @param subject what it is about
   * @param unexpected what it threw
   * @return the failure to report
   */
  IommuException broken(String callback, Object subject, Throwable unexpected) {
    recordException(callback, subject, unexpected);
    return new IommuException(
        Errno.EIO,
        callback + " of " + subject + " threw " + unexpected,
        new UnexpectedByDriver(unexpected));
  }

  private void recordException(String callback, Object subject, Throwable unexpected) {
    trace.violation(0, "driver-exception", callback + " of " + subject + " threw " + unexpected);
  }

  /** The core has ended: domains and groups that outlive it refuse from now on. */
  public void close() {
    closed = true;
  }

  /** Refuses once the core has ended. */
  public void requireOpen() {
    if (closed) {
      throw new IommuException(Errno.ENODEV, "this core is closed");
    }
  }

  /** Begins a map, unmap or invalidation in a domain of the DMA layer. */
  void enterDma() {
    order.enterDma();
  }

  /** Ends it. */
  void leaveDma() {
    order.leaveDma();
  }

  /** Marks a failure that was recorded already. */
  private static final class UnexpectedByDriver extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnexpectedByDriver(Throwable cause) {
      super(cause);
    }
  }
}
