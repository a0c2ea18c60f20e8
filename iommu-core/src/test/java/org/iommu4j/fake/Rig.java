package org.iommu4j.fake;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.assertj.core.api.Assertions;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.Scheduler;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A core with everything around it faked. Set the fields, then {@link #start}.
 *
 * <p>As a JUnit extension it ends each test with an oracle: no violation that the test did not take
 * note of, and a state that makes sense.
 */
public final class Rig implements AfterEachCallback {
  /** What happened. */
  public final Journal journal = new Journal();

  /** What callbacks do besides. */
  public final Hooks hooks = new Hooks();

  private final Witness witness = new Witness(journal, hooks);

  /** The driver. */
  public final FakeDriver driver = new FakeDriver(witness, "fake");

  /** The IOMMU; it has no firmware node, so every device finds it. */
  public final FakeInstance iommu = new FakeInstance("i0", driver, null);

  /** The DMA layer, unless {@link #dmaFactory} makes another. */
  public final FakeDmaLayer dma = new FakeDmaLayer(witness);

  /** The environment. */
  public final FakeEnvironment env = new FakeEnvironment(witness);

  /** The tracer. */
  public final FakeTracer tracer = new FakeTracer(witness);

  /** Time. */
  public final FakeScheduler scheduler = new FakeScheduler();

  /** Makes the DMA layer. */
  public Function<Scheduler, DmaLayer> dmaFactory = unused -> dma;

  /** The command line; strict unless a test says otherwise, so that the default type is DMA. */
  public BootParameters boot = BootParameters.NONE.withStrict("1");

  private final PciBus bus = PciBus.root(0, 0);
  private final Map<String, Device> devices = new LinkedHashMap<>();
  private @Nullable IommuCore core;

  /** The core, made at the first call. */
  public IommuCore core() {
    IommuCore made = core;
    if (made == null) {
      made =
          IommuCore.builder()
              .bootParameters(boot)
              .environment(env)
              .dmaLayer(dmaFactory)
              .scheduler(scheduler)
              .tracer(tracer)
              .build();
      core = made;
      driver.instances.add(0, iommu);
    }
    return made;
  }

  /** Makes the core and registers the IOMMU. */
  public IommuCore start() {
    core().register(iommu);
    journal.clear();
    return core();
  }

  /** Another driver with instances of its own, writing into the same journal. */
  public FakeDriver newDriver(String name) {
    return new FakeDriver(witness, name);
  }

  /** Another DMA layer that writes into the same journal. */
  public FakeDmaLayer newDmaLayer() {
    return new FakeDmaLayer(witness);
  }

  /** Appends the locks held to every line of the journal, as in {@code @PG}. */
  public void showLocks() {
    journal.setSuffix(() -> " @" + core().lockContext());
  }

  // ---- devices ----

  /** A PCI device by name, made at the first call, alone in the driver's eyes. */
  public Device device(String name) {
    return devices.computeIfAbsent(name, fresh -> newPci(fresh, builder -> builder));
  }

  /** Makes a PCI device with special properties. */
  public PciDevice pci(String name, UnaryOperator<PciDevice.Builder> properties) {
    PciDevice made = newPci(name, properties);
    devices.put(name, made);
    return made;
  }

  private PciDevice newPci(String name, UnaryOperator<PciDevice.Builder> properties) {
    int place = devices.size();
    return properties.apply(PciDevice.builder(name, bus, place / 8, place % 8)).build();
  }

  /** Puts some devices into one group of the driver. */
  public void sharing(String key, String... names) {
    for (String name : names) {
      driver.keys.put(name, key);
    }
  }

  /** Hot adds devices one after the other. */
  public void add(String... names) {
    for (String name : names) {
      ProbeOutcome outcome = core().addDevice(device(name));
      assertThat(outcome.failure()).as("probe of " + name).isNull();
    }
  }

  /** Adds a device whose probe fails and returns the failure. */
  public IommuException addFailing(String name) {
    ProbeOutcome outcome = core().addDevice(device(name));
    assertThat(outcome.succeeded()).isFalse();
    IommuException failure = outcome.failure();
    assertThat(failure).isNotNull();
    return failure;
  }

  /**
   * Starts with devices of one group that are there before the IOMMU is, so that one replay probes
   * all of them; the journal is empty afterwards.
   *
   * @return their group
   */
  public IommuGroup startWithGroup(String... names) {
    sharing("shared", names);
    for (String name : names) {
      addFailing(name);
    }
    start();
    return group(names[0]);
  }

  /** The IOMMU side of a device. */
  public DevIommu dev(String name) {
    return core().deviceOf(device(name)).orElseThrow();
  }

  /** The group of a device; no reference is taken. */
  public IommuGroup group(String name) {
    return dev(name).group();
  }

  /** The state of a device's group. */
  public GroupSnapshot state(String name) {
    return group(name).snapshot();
  }

  /** A consumer's domain for a device. */
  public PagingDomain domain(String name) {
    return core().allocPagingDomain(device(name));
  }

  /** The static blocking domain as the core hands it out. */
  public Domain blocked() {
    return java.util.Objects.requireNonNull(core().blockedDomain(iommu));
  }

  /** The static identity domain as the core hands it out. */
  public Domain identity() {
    return java.util.Objects.requireNonNull(core().identityDomain(iommu));
  }

  /** A firmware node and an IOMMU of the main driver behind it; not registered. */
  public FakeInstance instanceAt(FirmwareNode node) {
    FakeInstance made = new FakeInstance("at-" + node, driver, node);
    driver.instances.add(made);
    return made;
  }

  // ---- looking ----

  /** The driver's callbacks since the last look; they are forgotten. */
  public List<String> takeCalls() {
    List<String> calls = journal.calls();
    journal.clear();
    return calls;
  }

  /** The violations since the last look as "rule token"; they are forgotten. */
  public List<String> takeViolations() {
    return tracer.takeViolations();
  }

  /** How the driver's side of a domain is called, or "null". */
  public static String nameOf(@Nullable Domain domain) {
    return domain == null ? "null" : domain.ops().toString();
  }

  /** The text of everything that can be seen of the core. */
  public String everything() {
    return core().dump() + core().violationCount();
  }

  // ---- refusals ----

  /** Null, where the types say that there is none: a consumer can do that. */
  @SuppressWarnings("TypeParameterUnusedInFormals")
  public static <T> T nothing() {
    return Witness.<T>nothing();
  }

  /** Asserts that a call is refused with an errno. */
  public static IommuException refused(Errno errno, ThrowingCallable call) {
    Throwable thrown = Assertions.catchThrowable(call);
    assertThat(thrown).isInstanceOf(IommuException.class);
    IommuException refusal = (IommuException) thrown;
    assertThat(refusal.errno()).as(refusal.getMessage()).isEqualTo(errno);
    assertThat(refusal).hasMessageStartingWith(errno + ": ");
    return refusal;
  }

  /** Asserts that a call is refused with an errno, that no driver heard of it, and no change. */
  public IommuException refusedUnchanged(Errno errno, ThrowingCallable call) {
    String before = core().dump();
    journal.clear();
    IommuException refusal = refused(errno, call);
    assertThat(journal.calls()).isEmpty();
    assertThat(core().dump()).isEqualTo(before);
    return refusal;
  }

  // ---- races ----

  /** Starts a thread and returns when it waits for a lock, or has ended. */
  public static void startUntilBlocked(Thread thread) {
    thread.start();
    while (thread.isAlive() && thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
  }

  // ---- the oracle ----

  @Override
  public void afterEach(ExtensionContext context) {
    IommuCore used = core;
    if (used == null || context.getExecutionException().isPresent()) {
      return;
    }
    assertThat(tracer.violationTexts()).as("violations nobody expected").isEmpty();
    hooks.clear();
    assertSensible(used);
    used.closeForced();
    assertThat(env.pins()).as("module references left").isZero();
    assertThat(dma.cookies).as("cookies left").isEmpty();
    takeViolations();
  }

  /** What holds for every core at rest. */
  public static void assertSensible(IommuCore core) {
    assertThat(core.lockContext().toString()).isEqualTo("-");
    List<Integer> ids = new ArrayList<>();
    for (IommuGroup group : core.groups()) {
      GroupSnapshot now = group.snapshot();
      ids.add(now.id());
      assertThat(now.recoveryCount())
          .as("recovery count of " + now)
          .isEqualTo((int) now.members().stream().filter(GroupSnapshot.Member::blocked).count());
      assertThat(now.references()).as("references of " + now).isPositive();
      assertThat(now.references()).isGreaterThanOrEqualTo(now.members().size());
      boolean served = now.members().stream().anyMatch(m -> core.deviceOf(m.device()).isPresent());
      if (served) {
        assertThat(now.currentDomain()).as("current domain of " + now).isNotNull();
      } else {
        assertThat(now.defaultDomain()).as("default domain of " + now).isNull();
        assertThat(now.blockingDomain()).as("blocking domain of " + now).isNull();
      }
    }
    assertThat(ids).doesNotHaveDuplicates();
  }
}
