package org.iommu4j.core.trace;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.api.Violation;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands trace events, messages and violations of one core to its tracers and to the log.
 *
 * <p>A tracer that throws is recorded as a violation and never disturbs the core.
 */
public final class CoreTrace {
  private static final Logger LOG = LoggerFactory.getLogger("org.iommu4j.core");

  /** The count is exact for ever; the texts of the oldest are dropped beyond this many. */
  private static final int KEPT_VIOLATIONS = 1024;

  private final List<IommuTracer> tracers = new CopyOnWriteArrayList<>();
  private final Set<String> once = ConcurrentHashMap.newKeySet();
  private final AtomicLong violationCount = new AtomicLong();
  private final Deque<Violation> recent = new ArrayDeque<>();

  /**
   * Adds a tracer.
   *
   * @param tracer called from now on
   */
  public void add(IommuTracer tracer) {
    tracers.add(tracer);
  }

  /**
   * Removes a tracer.
   *
   * @param tracer not called from now on
   */
  public void remove(IommuTracer tracer) {
    tracers.remove(tracer);
  }

  /** A device was published in a group. */
  public void deviceAdded(IommuGroup group, Device device) {
    each(tracer -> tracer.deviceAdded(group, device));
    message(CoreMessage.ADD_TO_GROUP, device, device + ": adding to iommu group " + group.id());
  }

  /** A device was taken out of a group. */
  public void deviceRemoved(IommuGroup group, Device device) {
    each(tracer -> tracer.deviceRemoved(group, device));
  }

  /** A device was attached. */
  public void attached(Device device, Domain domain) {
    each(tracer -> tracer.attached(device, domain));
  }

  /** A map call ended. On the hot path: nothing is made unless somebody watches. */
  public void mapped(Domain domain, long iova, long paddr, long size) {
    if (!tracers.isEmpty()) {
      each(tracer -> tracer.mapped(domain, iova, paddr, size));
    }
  }

  /** An unmap call ended. On the hot path: nothing is made unless somebody watches. */
  public void unmapped(Domain domain, long iova, long size, long unmapped) {
    if (!tracers.isEmpty()) {
      each(tracer -> tracer.unmapped(domain, iova, size, unmapped));
    }
  }

  /** A device faulted. */
  public void fault(Device device, long iova, FaultAccess access) {
    LOG.debug("{}: I/O page fault at 0x{} ({})", device, Long.toHexString(iova), access);
    each(tracer -> tracer.fault(device, iova, access));
  }

  /** Says something that tools may recognise; a device joining its group is news only at debug. */
  public void message(CoreMessage message, @Nullable Device device, String text) {
    switch (message) {
      case ADD_TO_GROUP, REMOVE_FROM_GROUP -> LOG.debug(text);
      case DEFAULT_DOMAIN_TYPE, INVALIDATION_POLICY, MEMORY_ENCRYPTION -> LOG.info(text);
      case ADD_FAILED, UNALIGNED, UNTRUSTED_REFUSED, CONFLICTING_WISHES -> LOG.error(text);
      default -> LOG.warn(text);
    }
    each(tracer -> tracer.message(message, device, text));
  }

  /** As {@link #message}, at most once in the life of the core. */
  public void messageOnce(CoreMessage message, @Nullable Device device, String text) {
    if (once.add(message.token())) {
      message(message, device, text);
    }
  }

  /** Records a broken invariant. */
  public void violation(int rule, String token, String detail) {
    Violation violation = new Violation(rule, token, detail);
    record(violation);
    for (IommuTracer tracer : tracers) {
      try {
        tracer.violation(violation);
      } catch (Throwable unexpected) {
        // Telling the same tracer about its own failure could go on for ever.
        record(failed(tracer, unexpected));
      }
    }
  }

  /** Records a broken invariant at most once in the life of the core, per place. */
  public void violationOnce(int rule, String token, String place, String detail) {
    if (once.add(rule + token + place)) {
      violation(rule, token, detail);
    }
  }

  /**
   * How many invariants were found broken.
   *
   * @return an exact count
   */
  public long violationCount() {
    return violationCount.get();
  }

  /**
   * The latest broken invariants.
   *
   * @return a copy, oldest first
   */
  public List<Violation> violations() {
    synchronized (recent) {
      return List.copyOf(recent);
    }
  }

  private void record(Violation violation) {
    LOG.warn("invariant violated: {}", violation);
    violationCount.incrementAndGet();
    synchronized (recent) {
      if (recent.size() == KEPT_VIOLATIONS) {
        recent.removeFirst();
      }
      recent.addLast(violation);
    }
  }

  private void each(Consumer<IommuTracer> event) {
    for (IommuTracer tracer : tracers) {
      try {
        event.accept(tracer);
      } catch (Throwable unexpected) {
        record(failed(tracer, unexpected));
      }
    }
  }

  private static Violation failed(IommuTracer tracer, Throwable unexpected) {
    return new Violation(
        0, "tracer-exception", tracer.getClass().getName() + " threw " + unexpected);
  }
}
