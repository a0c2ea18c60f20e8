package org.iommu4j.testkit.conformance;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Function;
import java.util.function.Supplier;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.LockContext;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * What a core did to its surroundings, as effect lines of the trace format (section 6).
 *
 * <p>Recording drivers, DMA layers, environments and tracers of one core share one recording: it
 * keeps their lines in order, gives devices and domains their names, and holds the faults they must
 * produce. Confined to one thread.
 */
public final class Recording {
  private final Function<Device, String> deviceNames;
  private final FaultPlan faults = new FaultPlan();
  private final List<String> lines = new ArrayList<>();
  private final Map<String, Domain> seen = new HashMap<>();
  private final Map<String, Queue<Runnable>> finalizeHooks = new HashMap<>();
  private @Nullable Supplier<LockContext> locks;
  private boolean queries;
  private int domainCount;

  /**
   * Creates an empty recording.
   *
   * @param deviceNames how devices are called, for example {@code Device::name}
   */
  public Recording(Function<Device, String> deviceNames) {
    this.deviceNames = deviceNames;
  }

  /**
   * The faults that the recording parts must produce.
   *
   * @return always the same plan
   */
  public FaultPlan faults() {
    return faults;
  }

  /**
   * From now on every driver callback says which core locks were held.
   *
   * @param held usually {@code core::lockContext}
   */
  public void recordLocks(Supplier<LockContext> held) {
    locks = held;
  }

  /** From now on the driver asks the core for its current domain inside attaches. */
  public void recordQueries() {
    queries = true;
  }

  boolean queries() {
    return queries;
  }

  /**
   * Adds a line about something that is not a driver callback.
   *
   * @param text without the leading blanks
   */
  public void effect(String text) {
    lines.add("  " + text);
  }

  /**
   * Adds a line about a driver callback.
   *
   * @param text without the leading blanks
   */
  public void callback(String text) {
    Supplier<LockContext> held = locks;
    effect(held == null ? text : text + " @" + held.get());
  }

  /**
   * Takes the lines recorded so far.
   *
   * @return the lines, oldest first; the recording is empty afterwards
   */
  public List<String> drain() {
    List<String> drained = List.copyOf(lines);
    lines.clear();
    return drained;
  }

  /**
   * A device's name.
   *
   * @param device the device
   * @return as in traces
   */
  public String name(Device device) {
    return deviceNames.apply(device);
  }

  /**
   * A domain's name.
   *
   * @param domain a domain of a recording driver, or null
   * @return {@code Dn}, {@code identity}, {@code blocked}, {@code platform} or {@code null}
   */
  public String name(@Nullable Domain domain) {
    if (domain == null) {
      return "null";
    }
    DomainOps ops = domain.ops();
    if (ops instanceof RecordingStaticDomain one) {
      return one.label();
    }
    if (ops instanceof RecordingDomain one) {
      seen.put(one.label(), domain);
      return one.label();
    }
    return "?" + ops;
  }

  /**
   * A domain's name and type.
   *
   * @param domain a domain of a recording driver, or null
   * @return for example {@code D3[DMA-FQ]}; static domains without type
   */
  public String typedName(@Nullable Domain domain) {
    String name = name(domain);
    if (domain == null || domain.ops() instanceof StaticDomain) {
      return name;
    }
    return name + "[" + domain.type().sysfsName() + "]";
  }

  /**
   * A domain that was seen before.
   *
   * @param name {@code Dn}
   * @return null if no such domain was seen
   */
  public @Nullable Domain domain(String name) {
    return seen.get(name);
  }

  /** The name of the next domain that a driver allocates. */
  String nextDomain() {
    return "D" + ++domainCount;
  }

  /**
   * Runs something once, inside the next {@code probe_finalize} of a device.
   *
   * @param device the device's name
   * @param task what to run
   */
  public void onFinalize(String device, Runnable task) {
    finalizeHooks.computeIfAbsent(device, absent -> new ArrayDeque<>()).add(task);
  }

  void finalized(String device) {
    Queue<Runnable> tasks = finalizeHooks.remove(device);
    if (tasks != null) {
      tasks.forEach(Runnable::run);
    }
  }

  /** The result of a callback that has none but success or an error. */
  static String result(@Nullable IommuException failure) {
    return failure == null ? "0" : "-" + failure.errno();
  }
}
