package org.iommu4j.fake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Attachment;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DmaOwnership;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.LockContext;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.SgSegment;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/**
 * Calls back into the core from inside a callback: everything that needs a lock which is forbidden
 * there must be refused, everything else must work.
 *
 * <p>The world it makes: group of {@code a} and {@code b}, another group of {@code o} and the
 * deferred {@code q}, a claimed and attached group of {@code s}, a plain group, a consumer's
 * domain, and things that are there to be added.
 */
public final class Reentry {
  private enum Needs {
    GROUP,
    PROBE,
    DEVICE
  }

  private record Operation(Needs needs, String name, ThrowingCallable body) {}

  private final Rig rig;
  private final IommuCore core;
  private final IommuGroup group;
  private final IommuGroup other;
  private final IommuGroup scoped;
  private final IommuGroup plain;
  private final PagingDomain domain;
  private final PagingDomain mapped;
  private final Domain otherDefault;
  private final DevIommu a;
  private final DevIommu o;
  private final DmaOwner owner = new DmaOwner("re-entrant");
  private final AttachHandle handle = new AttachHandle("h");
  private final DmaOwnership claim;
  private final Attachment attachment;
  private final FirmwareNode node = new FirmwareNode("late");
  private final FakeInstance late;
  private int runs;
  private @Nullable Throwable failure;

  /** Makes the world around a rig that has not been started; the devices are there afterwards. */
  public Reentry(Rig rig) {
    this.rig = rig;
    late = rig.instanceAt(node);
    rig.driver.operations.add(IommuOp.IS_ATTACH_DEFERRED);
    rig.driver.deferred.add("q");
    rig.pci("a", builder -> builder.ats(true).pasidLimit(16));
    rig.pci("late", builder -> builder.iommu(IommuSpecifier.of(node)));
    group = rig.startWithGroup("a", "b");
    core = rig.core();
    rig.sharing("other", "o", "q");
    rig.add("o", "q", "s");
    a = rig.dev("a");
    o = rig.dev("o");
    other = rig.group("o");
    scoped = rig.group("s");
    otherDefault = Objects.requireNonNull(other.defaultDomain());
    domain = rig.domain("a");
    mapped = rig.domain("a");
    claim = scoped.own(new DmaOwner("scope"));
    attachment = scoped.attachScoped(mapped);
    plain = core.allocGroup();
    rig.journal.clear();
  }

  /** The group of a and b. */
  public IommuGroup group() {
    return group;
  }

  /** A consumer's domain for a, attached to nothing. */
  public PagingDomain domain() {
    return domain;
  }

  /** How often what {@link #inside} answers has run. */
  public int runs() {
    return runs;
  }

  /** Takes the scopes down; they must still stand. */
  public void end() {
    attachment.close();
    claim.close();
    domain.close();
    mapped.close();
    plain.put();
  }

  /**
   * What to run inside a callback. It lets nothing out, because callbacks may not throw: ask {@link
   * #failure} afterwards.
   *
   * @param expected the locks that must be held
   * @param callback the name that refusals must give
   */
  public Runnable inside(String expected, String callback) {
    return () -> {
      try {
        check(expected, callback);
      } catch (Throwable thrown) {
        failure = thrown;
      }
    };
  }

  /** What went wrong inside, or null. */
  public @Nullable Throwable failure() {
    return failure;
  }

  private void check(String expected, String callback) {
    runs++;
    LockContext held = core.lockContext();
    assertThat(held).as("locks held in " + callback).hasToString(expected);
    for (Operation operation : operations()) {
      boolean refused =
          switch (operation.needs()) {
            case GROUP -> held.group();
            case PROBE, DEVICE -> held.group() || held.probe();
          };
      if (refused) {
        assertRefused(operation, held, callback);
      }
    }
    lockless();
    if (!held.group()) {
      groupWork();
    }
    if (!held.group() && !held.probe()) {
      everything();
    }
    assertThat(core.lockContext()).isEqualTo(held);
  }

  private void assertRefused(Operation operation, LockContext held, String callback) {
    int before = rig.journal.calls().size();
    Throwable thrown = catchThrowable(operation.body());
    assertThat(thrown)
        .as(operation.name() + " inside " + callback)
        .isInstanceOf(IommuException.class);
    assertThat(((IommuException) thrown).errno())
        .as(operation.name() + " inside " + callback + ": " + thrown.getMessage())
        .isEqualTo(Errno.EDEADLK);
    assertThat(thrown)
        .hasMessageStartingWith("EDEADLK: " + operation.name() + " needs the ")
        .hasMessageEndingWith("(inside the callback " + callback + ")");
    if (operation.needs() == Needs.GROUP) {
      assertThat(thrown).hasMessageMatching(".*lock of group \\d+.*holds (that|the) lock.*");
    }
    assertThat(rig.journal.calls()).as("no driver heard of it").hasSize(before);
    assertThat(core.lockContext()).isEqualTo(held);
  }

  /** Everything that takes a lock, on this group and on another one. */
  private List<Operation> operations() {
    List<Operation> all = new ArrayList<>();
    for (IommuGroup g : List.of(group, other)) {
      DevIommu device = g == group ? a : o;
      add(all, "snapshot", g::snapshot);
      add(all, "typeText", g::typeText);
      add(all, "writeType", () -> g.writeType("DMA", Caller.ROOT));
      add(all, "changeDefaultDomain", () -> g.changeDefaultDomain(DefaultDomainRequest.DMA_FQ));
      add(all, "forEachDevice", () -> g.<Object>forEachDevice(member -> null));
      add(all, "hasIsolatedMsi", g::hasIsolatedMsi);
      add(all, "reservedRegions", g::reservedRegions);
      add(all, "claimDmaOwner", () -> g.claimDmaOwner(owner));
      add(all, "releaseDmaOwner", g::releaseDmaOwner);
      add(all, "dmaOwnerClaimed", g::dmaOwnerClaimed);
      add(all, "own", () -> g.own(owner));
      add(all, "attach", () -> g.attach(domain));
      add(all, "detach", () -> g.detach(domain));
      add(all, "attachScoped", () -> g.attachScoped(domain));
      add(all, "attachHandle", () -> g.attachHandle(domain, handle));
      add(all, "detachHandle", () -> g.detachHandle(domain));
      add(all, "replaceHandle", () -> g.replaceHandle(domain, handle));
      add(all, "domain", device::domain);
      add(all, "claimDmaOwner", () -> device.claimDmaOwner(owner));
      add(all, "releaseDmaOwner", device::releaseDmaOwner);
      add(all, "own", () -> device.own(owner));
      add(all, "attach", () -> device.attach(domain));
      add(all, "detach", () -> device.detach(domain));
      add(all, "attachPasid", () -> device.attachPasid(domain, 1, handle));
      add(all, "replacePasid", () -> device.replacePasid(domain, 1, handle));
      add(all, "detachPasid", () -> device.detachPasid(domain, 1));
      add(all, "useDefaultDomain", () -> core.useDefaultDomain(device.device()));
      add(all, "unuseDefaultDomain", () -> core.unuseDefaultDomain(device.device()));
      add(all, "claimDmaOwner", () -> core.claimDmaOwner(device.device(), owner));
      add(all, "releaseDmaOwner", () -> core.releaseDmaOwner(device.device()));
      add(all, "domainOf", () -> core.domainOf(device.device()));
      add(all, "attach", () -> core.attach(device.device(), domain));
      add(all, "detach", () -> core.detach(device.device(), domain));
      add(all, "attachPasid", () -> core.attachPasid(device.device(), domain, 1, handle));
      add(all, "replacePasid", () -> core.replacePasid(device.device(), domain, 1, handle));
      add(all, "detachPasid", () -> core.detachPasid(device.device(), domain, 1));
      add(all, "prepareMsi", () -> core.prepareMsi(device.device(), 0xfee0_0000L));
      add(all, "releaseDevice", () -> core.releaseDevice(device.device()));
      add(all, "removeFromGroup", () -> core.removeFromGroup(device.device()));
    }
    add(all, "resetPrepare", a::resetPrepare);
    add(all, "resetDone", a::resetDone);
    add(all, "resetPrepare", () -> core.resetPrepare(a.device()));
    add(all, "resetDone", () -> core.resetDone(a.device()));
    add(all, "deferredAttach", () -> core.deferredAttach(rig.device("q"), otherDefault));
    add(all, "addToGroup", () -> core.addToGroup(plain, rig.device("fresh")));
    add(all, "close", attachment::close);
    add(all, "close", claim::close);
    add(all, "dump", core::dump);
    needing(all, Needs.PROBE, "close", core::close);
    needing(all, Needs.PROBE, "closeForced", core::closeForced);
    needing(all, Needs.PROBE, "addDevice", () -> core.addDevice(rig.device("fresh")));
    needing(all, Needs.PROBE, "probeDevice", () -> core.probeDevice(rig.device("fresh")));
    needing(all, Needs.PROBE, "removeDevice", () -> core.removeDevice(rig.device("b")));
    needing(all, Needs.PROBE, "register", () -> core.register(late));
    needing(all, Needs.PROBE, "unregister", () -> core.unregister(rig.iommu));
    needing(all, Needs.PROBE, "initFwspec", () -> core.initFwspec(rig.device("fresh"), node));
    needing(all, Needs.DEVICE, "bindDriver", () -> core.bindDriver(rig.device("b"), true));
    needing(all, Needs.DEVICE, "unbindDriver", () -> core.unbindDriver(rig.device("b")));
    return all;
  }

  private static void add(List<Operation> all, String name, ThrowingCallable body) {
    needing(all, Needs.GROUP, name, body);
  }

  private static void needing(
      List<Operation> all, Needs needs, String name, ThrowingCallable body) {
    all.add(new Operation(needs, name, body));
  }

  /** What takes no lock, works everywhere. */
  private void lockless() {
    mapped.map(0x10_0000, 0x20_0000, 0x1000, 3);
    mapped.mapSg(0x20_0000, List.of(SgSegment.of(0x1000, 0x1000)), 3);
    assertThat(mapped.iovaToPhys(0x10_0123)).isEqualTo(0x20_0123);
    assertThat(mapped.unmap(0x20_0000, 0x1000)).isEqualTo(0x1000);
    IotlbGather gather = new IotlbGather();
    assertThat(mapped.unmapFast(0x10_0000, 0x1000, gather)).isEqualTo(0x1000);
    mapped.iotlbSync(gather);
    mapped.flushIotlbAll();
    assertThat(mapped.reportFault(a, 0x1000, FaultAccess.READ)).isEqualTo(Errno.ENOSYS);
    for (IommuGroup g : List.of(group, other)) {
      assertThat(g.ref()).isSameAs(g);
      g.put();
      assertThat(g.id()).isNotNegative();
      assertThat(g.name()).isNull();
      assertThat(g.defaultDomain()).isNotNull();
      g.setIommudata("data", null);
      assertThat(g.iommudata()).isEqualTo("data");
      Rig.refused(Errno.ENOENT, () -> g.handle(9, null));
    }
    assertThat(core.deviceOf(rig.device("a"))).contains(a);
    core.group(rig.device("a")).orElseThrow().put();
    assertThat(core.groups()).contains(group, other);
    assertThat(core.instances()).contains(rig.iommu);
    assertThat(a.capable(Capability.DEFERRED_FLUSH)).isTrue();
    assertThat(core.capable(rig.device("o"), Capability.DEFERRED_FLUSH)).isTrue();
    assertThat(a.reservedRegions()).isEqualTo(core.reservedRegions(rig.device("a")));
    core.allocPagingDomain(a).close();
    IommuGroup made = core.allocGroup();
    made.setName("made inside");
    made.put();
    int pasid = core.allocGlobalPasid(a.device());
    assertThat(pasid).isPositive();
    core.freeGlobalPasid(pasid);
    IommuTracer silent = new IommuTracer() {};
    core.addTracer(silent);
    core.removeTracer(silent);
    assertThat(core.defaultPassthrough()).isFalse();
    assertThat(core.violations()).hasSize((int) core.violationCount());
  }

  /** What needs only a group lock, works wherever no group lock is held. */
  private void groupWork() {
    other.attach(domain);
    other.detach(domain);
    other.claimDmaOwner(owner);
    other.releaseDmaOwner();
    assertThat(other.snapshot().ownerCount()).isZero();
    core.useDefaultDomain(o.device());
    core.unuseDefaultDomain(o.device());
    assertThat(other.typeText()).isEqualTo("DMA");
    core.addToGroup(plain, rig.device("fresh"));
    core.removeFromGroup(rig.device("fresh"));
    assertThat(core.dump()).contains("group " + other.id());
  }

  /** In contexts without a lock everything works. */
  private void everything() {
    rig.add("fresh");
    core.bindDriver(rig.device("fresh"), false);
    core.unbindDriver(rig.device("fresh"));
    core.removeDevice(rig.device("fresh"));
    core.probeDevice(rig.device("fresh"));
    core.removeDevice(rig.device("fresh"));
    core.register(late);
    assertThat(core.addDevice(rig.device("late")).succeeded()).isTrue();
    core.unregister(late);
    core.removeDevice(rig.device("late"));
    Rig.refused(Errno.EBUSY, core::close);
  }
}
