package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/**
 * Failures that a recording driver, DMA layer or environment is told to produce (trace format,
 * section 8).
 *
 * <p>Every call of a callback counts down all faults that match it; one that reaches zero fires and
 * is spent. If several fire at one call, the oldest decides. Confined to one thread.
 */
public final class FaultPlan {
  private final List<Pending> pending = new ArrayList<>();

  /** Creates a plan without faults. */
  public FaultPlan() {}

  /**
   * What happens instead of success.
   *
   * @param errno the error, or null for a null result or a success with less done than asked
   * @param amount how many bytes are dealt with before, or null
   */
  public record Fault(@Nullable Errno errno, @Nullable Long amount) {
    /**
     * A plain failure.
     *
     * @param errno the error
     * @return the fault
     */
    public static Fault of(Errno errno) {
      return new Fault(errno, null);
    }

    /**
     * The refusal.
     *
     * @param otherwise the error if this fault carries none
     * @return an exception to throw
     */
    public IommuException exception(Errno otherwise) {
      return new IommuException(errno == null ? otherwise : errno, "injected fault");
    }
  }

  private static final class Pending {
    final String callback;
    final String subject;
    final boolean always;
    final Fault fault;
    int left;

    Pending(String callback, String subject, boolean always, int left, Fault fault) {
      this.callback = callback;
      this.subject = subject;
      this.always = always;
      this.left = left;
      this.fault = fault;
    }

    boolean matches(String calledBack, String about) {
      return callback.equals(calledBack) && (subject.equals("*") || subject.equals(about));
    }
  }

  /**
   * Makes one call of a callback fail.
   *
   * @param callback the callback's name in traces
   * @param subject device, domain or attribute; {@code *} for any
   * @param call which call from now, 1 for the next
   * @param fault what happens
   */
  public void failOnce(String callback, String subject, int call, Fault fault) {
    pending.add(new Pending(callback, subject, false, call, fault));
  }

  /**
   * Makes every call of a callback fail.
   *
   * @param callback the callback's name in traces
   * @param subject device, domain or attribute; {@code *} for any
   * @param fault what happens
   */
  public void failAlways(String callback, String subject, Fault fault) {
    pending.add(new Pending(callback, subject, true, 0, fault));
  }

  /** Forgets all faults. */
  public void clear() {
    pending.clear();
  }

  /**
   * Counts a call.
   *
   * @param callback the callback's name in traces
   * @param subject what the call is about
   * @return what must happen, or null for success
   */
  public @Nullable Fault next(String callback, String subject) {
    Fault deciding = null;
    for (Iterator<Pending> all = pending.iterator(); all.hasNext(); ) {
      Pending one = all.next();
      if (!one.matches(callback, subject)) {
        continue;
      }
      boolean fires = one.always || --one.left == 0;
      if (fires && !one.always) {
        all.remove();
      }
      if (fires && deciding == null) {
        deciding = one.fault;
      }
    }
    return deciding;
  }

  /**
   * Counts a call and fails it if it must.
   *
   * @param callback the callback's name in traces
   * @param subject what the call is about
   * @throws IommuException if a fault fires
   */
  public void check(String callback, String subject) {
    Fault fault = next(callback, subject);
    if (fault != null) {
      throw fault.exception(Errno.EINVAL);
    }
  }
}
