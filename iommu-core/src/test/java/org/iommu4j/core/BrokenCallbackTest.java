package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Hooks;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Callbacks that throw what they may not throw, each with an exception and with an error: the
 * caller gets EIO where the callback may fail and nothing where it cannot, a violation is recorded,
 * and the core stays consistent and usable.
 */
final class BrokenCallbackTest {
  /** What the caller notices. */
  private enum Notices {
    /** EIO. */
    EIO,
    /** Another errno that a rule demands. */
    EINVAL,
    /** Nothing: the exception is contained. */
    NOTHING
  }

  private interface Action {
    void run(Rig rig);
  }

  /**
   * One callback.
   *
   * @param before what must be there, before the callback is broken
   * @param trigger makes it happen and throws what the caller notices
   * @param token the violation
   */
  private record Spot(
      String title,
      String hook,
      String subject,
      Notices notices,
      String token,
      Action before,
      Action trigger) {}

  private static final Action NOTHING_BEFORE = rig -> {};

  private static void add(Rig rig) {
    IommuException failure = rig.core().addDevice(rig.device("x")).failure();
    if (failure != null) {
      throw failure;
    }
  }

  private static void release(Rig rig) {
    rig.core().releaseDevice(rig.device("b"));
  }

  private static void toIdentity(Rig rig) {
    rig.group("a").changeDefaultDomain(DefaultDomainRequest.IDENTITY);
  }

  private static void direct(Rig rig) {
    rig.driver.regions.put("x", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
  }

  private static void claim(Rig rig) {
    rig.group("a").claimDmaOwner(new DmaOwner("o"));
  }

  private static void mapAndUnmap(Rig rig) {
    try (PagingDomain domain = rig.domain("a")) {
      domain.map(0x1000, 0x2000, 0x1000, 3);
      domain.iovaToPhys(0x1000);
      domain.unmap(0x1000, 0x1000);
    }
  }

  private static Spot driver(String hook, String subject, Notices notices, Action trigger) {
    return new Spot(
        hook + " " + subject,
        hook,
        subject,
        notices,
        "0 driver-exception",
        NOTHING_BEFORE,
        trigger);
  }

  private static List<Spot> spots() {
    List<Spot> spots = new ArrayList<>();
    // the driver
    spots.add(driver("probe_device", "x", Notices.EIO, BrokenCallbackTest::add));
    spots.add(driver("device_group", "x", Notices.EIO, BrokenCallbackTest::add));
    spots.add(driver("is_attach_deferred", "x", Notices.NOTHING, BrokenCallbackTest::add));
    spots.add(driver("def_domain_type", "x", Notices.NOTHING, BrokenCallbackTest::add));
    spots.add(driver("resv", "x", Notices.NOTHING, BrokenCallbackTest::add));
    spots.add(driver("alloc", "x", Notices.EINVAL, BrokenCallbackTest::add));
    spots.add(driver("attach", "x", Notices.EIO, BrokenCallbackTest::add));
    spots.add(driver("probe_finalize", "x", Notices.NOTHING, BrokenCallbackTest::add));
    spots.add(driver("release_device", "b", Notices.NOTHING, BrokenCallbackTest::release));
    spots.add(driver("free", "D1", Notices.NOTHING, BrokenCallbackTest::toIdentity));
    spots.add(driver("attach", "b", Notices.EIO, BrokenCallbackTest::toIdentity));
    spots.add(driver("attach", "b", Notices.EIO, BrokenCallbackTest::claim));
    spots.add(
        driver(
            "capable",
            "a",
            Notices.NOTHING,
            rig -> assertThat(rig.dev("a").capable(Capability.DEFERRED_FLUSH)).isFalse()));
    spots.add(
        driver(
            "alloc",
            "a",
            Notices.EIO,
            rig -> rig.core().allocPagingDomain(rig.device("a")).close()));
    spots.add(
        driver(
            "alloc_flags",
            "a",
            Notices.EIO,
            rig -> rig.core().allocPagingDomain(rig.device("a"), AllocFlag.DIRTY).close()));
    spots.add(
        driver(
            "pasid",
            "a",
            Notices.EIO,
            rig -> {
              try (PagingDomain domain = rig.domain("a")) {
                rig.dev("a").attachPasid(domain, 1, null);
              }
            }));
    spots.add(
        driver(
            "quirks",
            Hooks.ANY,
            Notices.EIO,
            rig -> {
              try (PagingDomain domain = rig.domain("a")) {
                domain.setPgtableQuirks(1);
              }
            }));
    spots.add(
        driver(
            "coherency",
            Hooks.ANY,
            Notices.EIO,
            rig -> {
              try (PagingDomain domain = rig.domain("a")) {
                domain.enforceCacheCoherency();
              }
            }));
    spots.add(
        driver(
            "flush_all",
            Hooks.ANY,
            Notices.EIO,
            rig -> {
              try (PagingDomain domain = rig.domain("a")) {
                domain.flushIotlbAll();
              }
            }));
    spots.add(driver("map", Hooks.ANY, Notices.EIO, BrokenCallbackTest::mapAndUnmap));
    spots.add(driver("sync_map", Hooks.ANY, Notices.EIO, BrokenCallbackTest::mapAndUnmap));
    spots.add(driver("unmap", Hooks.ANY, Notices.NOTHING, BrokenCallbackTest::mapAndUnmap));
    spots.add(driver("sync", Hooks.ANY, Notices.NOTHING, BrokenCallbackTest::mapAndUnmap));
    spots.add(driver("phys", Hooks.ANY, Notices.NOTHING, BrokenCallbackTest::mapAndUnmap));
    spots.add(
        new Spot(
            "map of a direct region: retried after the attach",
            "map",
            Hooks.ANY,
            Notices.NOTHING,
            "0 driver-exception",
            BrokenCallbackTest::direct,
            BrokenCallbackTest::add));
    spots.add(
        new Spot(
            "of_xlate: ignored by the probe, which then finds no IOMMU",
            "of_xlate",
            "d",
            Notices.NOTHING,
            "0 driver-exception",
            rig -> {
              FirmwareNode node = new FirmwareNode("n");
              rig.core().register(rig.instanceAt(node));
              rig.pci("d", builder -> builder.iommu(IommuSpecifier.of(node)));
            },
            rig -> rig.core().addDevice(rig.device("d"))));
    spots.add(
        new Spot(
            "operations of a new driver",
            "operations",
            "other",
            Notices.EIO,
            "0 driver-exception",
            NOTHING_BEFORE,
            BrokenCallbackTest::registerOther));
    spots.add(
        new Spot(
            "name of a new driver",
            "name",
            "other",
            Notices.EIO,
            "0 driver-exception",
            NOTHING_BEFORE,
            BrokenCallbackTest::registerOther));
    spots.add(
        new Spot(
            "identity_domain of a new driver",
            "identity_domain",
            "other",
            Notices.EIO,
            "0 driver-exception",
            NOTHING_BEFORE,
            BrokenCallbackTest::registerOther));
    spots.add(
        new Spot(
            "operations of a new domain",
            "domain_operations",
            Hooks.ANY,
            Notices.EIO,
            "0 driver-exception",
            NOTHING_BEFORE,
            rig -> rig.core().allocPagingDomain(rig.device("a")).close()));
    // the environment
    for (String method : List.of("allocate", "link_member", "link_in_group", "link_instance")) {
      spots.add(driver("env." + method, Hooks.ANY, Notices.EIO, BrokenCallbackTest::add));
    }
    for (String method : List.of("allocate_group_id", "publish_group", "publish_group_file")) {
      spots.add(driver("env." + method, Hooks.ANY, Notices.EIO, BrokenCallbackTest::add));
    }
    spots.add(driver("env.pin_driver", Hooks.ANY, Notices.EINVAL, BrokenCallbackTest::add));
    spots.add(driver("env.dma_configure", "x", Notices.NOTHING, BrokenCallbackTest::add));
    for (String method :
        List.of("unlink_member", "unlink_in_group", "unlink_instance", "unpin_driver")) {
      spots.add(driver("env." + method, Hooks.ANY, Notices.NOTHING, BrokenCallbackTest::release));
    }
    spots.add(
        driver(
            "env.unpublish_group",
            Hooks.ANY,
            Notices.NOTHING,
            rig -> rig.core().allocGroup().put()));
    spots.add(
        driver(
            "env.unpublish_group_file",
            Hooks.ANY,
            Notices.NOTHING,
            rig -> {
              IommuGroup group = rig.core().allocGroup();
              group.setName("n");
              group.setName(null);
              group.put();
            }));
    spots.add(
        driver(
            "env.missing_instance",
            Hooks.ANY,
            Notices.EIO,
            rig -> rig.core().initFwspec(rig.device("x"), new FirmwareNode("nobody"))));
    // the DMA layer
    spots.add(driver("dma.get_cookie", Hooks.ANY, Notices.EIO, BrokenCallbackTest::add));
    spots.add(driver("dma.setup", "x", Notices.NOTHING, BrokenCallbackTest::add));
    spots.add(driver("dma.put_cookie", Hooks.ANY, Notices.NOTHING, BrokenCallbackTest::toIdentity));
    spots.add(driver("dma.teardown", "a", Notices.NOTHING, BrokenCallbackTest::toIdentity));
    spots.add(
        driver(
            "dma.start_flush_queue",
            Hooks.ANY,
            Notices.EIO,
            rig -> rig.group("a").changeDefaultDomain(DefaultDomainRequest.DMA_FQ)));
    spots.add(
        driver(
            "dma.prepare_msi",
            "a",
            Notices.EIO,
            rig -> rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L)));
    spots.add(
        driver("dma.mapper_for", "a", Notices.EIO, rig -> rig.core().dmaMapper(rig.device("a"))));
    spots.add(
        driver(
            "dma.get_msi_cookie",
            Hooks.ANY,
            Notices.EIO,
            rig -> {
              try (PagingDomain domain = rig.domain("a")) {
                domain.setMsiWindow(0x1000);
              }
            }));
    spots.add(
        driver(
            "dma.put_msi_cookie",
            Hooks.ANY,
            Notices.NOTHING,
            rig -> {
              try (PagingDomain domain = rig.domain("a")) {
                domain.setMsiWindow(0x1000);
              }
            }));
    // tracers
    for (String event : List.of("device_added", "attached", "message")) {
      spots.add(tracer(event, BrokenCallbackTest::add));
    }
    spots.add(tracer("device_removed", BrokenCallbackTest::release));
    for (String event : List.of("mapped", "unmapped")) {
      spots.add(tracer(event, BrokenCallbackTest::mapAndUnmap));
    }
    spots.add(
        tracer(
            "fault",
            rig -> {
              try (PagingDomain domain = rig.domain("a")) {
                assertThat(domain.reportFault(rig.dev("a"), 0x1000, FaultAccess.READ))
                    .isEqualTo(Errno.ENOSYS);
              }
            }));
    return spots;
  }

  private static Spot tracer(String event, Action trigger) {
    return new Spot(
        "tracer " + event,
        "trace." + event,
        Hooks.ANY,
        Notices.NOTHING,
        "0 tracer-exception",
        NOTHING_BEFORE,
        trigger);
  }

  private static void registerOther(Rig rig) {
    FakeDriver other = rig.newDriver("other");
    FakeInstance instance = new FakeInstance("i9", other, new FirmwareNode("i9"));
    other.instances.add(instance);
    rig.core().register(instance);
  }

  @TestFactory // CORE-001, CORE-013, CORE-503, CORE-608, CORE-702
  Stream<DynamicTest> exceptions() {
    return spots().stream()
        .map(spot -> DynamicTest.dynamicTest(spot.title(), () -> run(spot, false)));
  }

  @TestFactory // CORE-001, CORE-013, CORE-503, CORE-608, CORE-702
  Stream<DynamicTest> errors() {
    return spots().stream()
        .map(spot -> DynamicTest.dynamicTest(spot.title(), () -> run(spot, true)));
  }

  private static void run(Spot spot, boolean error) {
    Rig rig = new Rig();
    rig.driver.operations.addAll(
        List.of(IommuOp.IS_ATTACH_DEFERRED, IommuOp.DOMAIN_ALLOC_PAGING_FLAGS));
    rig.driver.domainOperations.addAll(
        List.of(
            DomainOp.IOTLB_SYNC_MAP,
            DomainOp.IOTLB_SYNC,
            DomainOp.FLUSH_IOTLB_ALL,
            DomainOp.SET_PGTABLE_QUIRKS,
            DomainOp.ENFORCE_CACHE_COHERENCY));
    rig.pci("a", builder -> builder.pasidLimit(16));
    IommuGroup group = rig.startWithGroup("a", "b");
    spot.before().run(rig);
    List<String> thrown = new ArrayList<>();
    rig.hooks.once(
        spot.hook(),
        spot.subject(),
        () -> {
          thrown.add("here");
          if (error) {
            throw new StackOverflowError("the test wishes it");
          }
          throw new IllegalStateException("the test wishes it");
        });

    Throwable noticed = catchThrowable(() -> spot.trigger().run(rig));

    assertThat(thrown).as("the callback was called").hasSize(1);
    if (spot.notices() == Notices.NOTHING) {
      assertThat(noticed).isNull();
    } else {
      assertThat(noticed).isInstanceOf(IommuException.class);
      assertThat(((IommuException) noticed).errno().name()).isEqualTo(spot.notices().name());
    }
    List<String> violations =
        new ArrayList<>(
            rig.core().violations().stream()
                .map(violation -> violation.rule() + " " + violation.token())
                .toList());
    assertThat(violations).contains(spot.token());
    violations.remove(spot.token());
    assertThat(violations)
        .as("further violations only where a rule demands them")
        .isSubsetOf("1018 first-attach-failed");

    // Everything still works, and nothing is left locked or half done.
    Rig.assertSensible(rig.core());
    assertThat(group.snapshot().pasids()).isEmpty();
    rig.takeViolations();
    long before = rig.core().violationCount();
    if (group.snapshot().ownerCount() == 0) {
      claim(rig);
    }
    group.releaseDmaOwner();
    rig.add("afterwards");
    rig.core().removeDevice(rig.device("afterwards"));
    mapAndUnmap(rig);
    assertThat(rig.core().violationCount()).isEqualTo(before);
    rig.core().closeForced();
    assertThat(rig.core().groups()).isEmpty();
  }

  @Test // CORE-039: an exception of the visitor ends the walk
  void aVisitorThatThrows() {
    Rig rig = new Rig();
    IommuGroup group = rig.startWithGroup("a", "b");
    List<Object> seen = new ArrayList<>();
    Rig.refused(
        Errno.EIO,
        () ->
            group.<Object>forEachDevice(
                device -> {
                  seen.add(device);
                  throw new IllegalStateException("the test wishes it");
                }));
    assertThat(seen).hasSize(1);
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception");
    Rig.refused(
        Errno.EXDEV,
        () ->
            group.<Object>forEachDevice(
                device -> {
                  throw new IommuException(Errno.EXDEV, "the visitor's own answer");
                }));
    assertThat(rig.takeViolations()).isEmpty();
    Rig.assertSensible(rig.core());
    rig.core().closeForced();
  }

  @Test // CORE-027, CORE-466, CORE-703
  void consumersCallbacksThatThrow() {
    Rig rig = new Rig();
    rig.driver.regions.put(
        "a",
        List.of(
            ResvRegion.of(0x1000, 0x1000, 3, ResvType.RESERVED)
                .withFree(
                    device -> {
                      throw new IllegalStateException("the test wishes it");
                    })));
    IommuGroup group = rig.startWithGroup("a");
    rig.takeViolations();
    assertThat(group.reservedRegions()).hasSize(1);
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception");

    IommuGroup plain = rig.core().allocGroup();
    plain.setIommudata(
        "data",
        data -> {
          throw new IllegalStateException("the test wishes it");
        });
    plain.put();
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception");
    assertThat(rig.core().groups()).containsExactly(group);

    PagingDomain domain = rig.domain("a");
    domain.setFaultHandler(
        (d, device, iova, access) -> {
          throw new IllegalStateException("the test wishes it");
        });
    assertThat(domain.reportFault(rig.dev("a"), 0x1000, FaultAccess.READ)).isEqualTo(Errno.EIO);
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception");
    domain.close();
    rig.core().closeForced();
  }

  @Test // CORE-013: a tracer that fails when it is told of a violation
  void aTracerThatFailsAtAViolation() {
    Rig rig = new Rig();
    IommuGroup group = rig.startWithGroup("a");
    rig.hooks.throwNext("trace.violation", () -> new IllegalStateException("the test wishes it"));
    group.releaseDmaOwner();
    assertThat(rig.core().violations())
        .extracting(violation -> violation.token())
        .containsExactly("release-refused", "tracer-exception");
    rig.core().closeForced();
  }

  @Test // CORE-461: a layer or a scheduler that cannot stop does not keep the core open
  void aLayerThatCannotClose() {
    Rig rig = new Rig();
    rig.startWithGroup("a");
    rig.hooks.errorNext("dma.close", () -> new StackOverflowError("the test wishes it"));
    rig.core().close();
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception");
    assertThat(rig.scheduler.stopped()).isTrue();
    Rig.refused(Errno.ENODEV, () -> rig.core().allocGroup());
  }
}
