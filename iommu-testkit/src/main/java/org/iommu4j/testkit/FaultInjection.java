package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.IommuDevice;
import org.jspecify.annotations.Nullable;

/**
 * Makes calls into any driver fail, by number. Thread-safe.
 *
 * <pre>{@code
 * var faults = new FaultInjection();
 * core.register(faults.around(SoftIommu.on(hardware.port())));
 *
 * faults.fail(DriverCallback.ATTACH_DEV, 2, Errno.EIO);   // the second attach from now on
 * }</pre>
 *
 * <p>A failing call does not reach the driver, so nothing has changed there. A map answers with no
 * progress and the errno, an unmap with 0 bytes. Faults count separately: the second of two for one
 * call takes effect if the first does not.
 */
public final class FaultInjection {
  @GuardedBy("this")
  private final List<Fault> faults = new ArrayList<>();

  @GuardedBy("this")
  private int injected;

  /** Creates an injection without faults. */
  public FaultInjection() {}

  /** One fault: which calls count, and how many of them still go well. */
  private static final class Fault {
    private final DriverCallback callback;
    private final @Nullable Device device;
    private final boolean always;
    private final String description;
    private final Supplier<RuntimeException> failure;
    private int callsLeft;

    Fault(
        DriverCallback callback,
        @Nullable Device device,
        int nth,
        String description,
        Supplier<RuntimeException> failure) {
      this.callback = callback;
      this.device = device;
      this.always = nth == 0;
      this.description = description;
      this.failure = failure;
      this.callsLeft = nth;
    }

    boolean counts(DriverCall call) {
      return call.callback() == callback && (device == null || call.device() == device);
    }
  }

  /**
   * Puts this injection before a driver. One injection may serve several.
   *
   * @param instance an instance that is registered nowhere
   * @return what to register instead
   */
  public IommuDevice around(IommuDevice instance) {
    return new InterceptedIommuOps(instance.ops(), new Interceptor()).around(instance);
  }

  /**
   * Lets one call fail.
   *
   * @param callback which
   * @param nth 1 for the next one
   * @param errno the error
   */
  public void fail(DriverCallback callback, int nth, Errno errno) {
    add(callback, null, atLeastOne(nth), errno);
  }

  /**
   * Lets one call for a device fail.
   *
   * @param callback which
   * @param device whose calls count
   * @param nth 1 for the next one
   * @param errno the error
   */
  public void fail(DriverCallback callback, Device device, int nth, Errno errno) {
    add(callback, device, atLeastOne(nth), errno);
  }

  /**
   * Lets every call fail until {@link #clear}.
   *
   * @param callback which
   * @param errno the error
   */
  public void failAlways(DriverCallback callback, Errno errno) {
    add(callback, null, 0, errno);
  }

  /**
   * Lets one call end with an exception that no driver may throw.
   *
   * @param callback which
   * @param nth 1 for the next one
   * @param exception what is thrown
   */
  public synchronized void crash(DriverCallback callback, int nth, RuntimeException exception) {
    String description =
        String.format("call %d of %s throws %s", atLeastOne(nth), callback.label(), exception);
    faults.add(new Fault(callback, null, nth, description, () -> exception));
  }

  private static int atLeastOne(int nth) {
    if (nth < 1) {
      throw new IllegalArgumentException("there is no call number " + nth);
    }
    return nth;
  }

  private synchronized void add(
      DriverCallback callback, @Nullable Device device, int nth, Errno errno) {
    String which = nth == 0 ? "every call" : "call " + nth;
    String whose = device == null ? "" : " for " + device;
    String description = which + " of " + callback.label() + whose + " gives " + errno;
    faults.add(
        new Fault(
            callback,
            device,
            nth,
            description,
            () -> new IommuException(errno, "injected: " + description)));
  }

  /** Takes all faults back. */
  public synchronized void clear() {
    faults.clear();
  }

  /**
   * How many calls were made to fail.
   *
   * @return zero or more
   */
  public synchronized int injected() {
    return injected;
  }

  /**
   * The faults that still wait for their call. A test that ends with some has not tested what it
   * says.
   *
   * @return a description of each; those of {@link #failAlways} are left out
   */
  public synchronized List<String> pending() {
    return faults.stream().filter(fault -> !fault.always).map(fault -> fault.description).toList();
  }

  private synchronized @Nullable RuntimeException failureOf(DriverCall call) {
    Fault due = null;
    for (Fault fault : faults) {
      if (fault.counts(call) && (fault.always || --fault.callsLeft <= 0) && due == null) {
        due = fault;
      }
    }
    if (due == null) {
      return null;
    }
    injected++;
    if (!due.always) {
      faults.remove(due);
    }
    return due.failure.get();
  }

  private final class Interceptor implements CallInterceptor {
    @Override
    public <T extends @Nullable Object> T call(DriverCall call, Supplier<T> body) {
      RuntimeException failure = failureOf(call);
      if (failure != null) {
        throw failure;
      }
      return body.get();
    }
  }

  @Override
  public synchronized String toString() {
    return injected + " calls failed, pending " + pending();
  }
}
