package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Hooks;
import org.iommu4j.fake.Reentry;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Table 1 of the rules and the tables of docs/LOCKING.md: which locks are held in every callback,
 * the driver's and the user's; that whatever needs a forbidden lock is refused with EDEADLK before
 * it blocks, naming operation, lock and callback; and that everything else works there.
 */
final class LockTableTest {
  /** One callback in one context. */
  private record Spot(
      String title, String locks, String callback, Consumer<Rig> before, Trigger trigger) {}

  /** Makes the callback happen; what is to run inside it is given. */
  private interface Trigger {
    void pull(Rig rig, Reentry world, Runnable inside);
  }

  /** A callback that the fakes announce to the hooks. */
  private static Spot hooked(
      String title,
      String locks,
      String callback,
      String hook,
      String subject,
      Consumer<Rig> before,
      Consumer<Rig> trigger) {
    return new Spot(
        title,
        locks,
        callback,
        before,
        (rig, world, inside) -> {
          rig.hooks.once(hook, subject, inside);
          trigger.accept(rig);
        });
  }

  private static final Consumer<Rig> AS_IT_IS = rig -> {};

  private static void hotAdd(Rig rig) {
    rig.add("x");
  }

  private static void hotAddFailing(Rig rig) {
    rig.addFailing("x");
  }

  private static void directRegion(Rig rig) {
    rig.driver.regions.put("x", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
  }

  private static void toIdentity(Rig rig) {
    rig.group("a").changeDefaultDomain(DefaultDomainRequest.IDENTITY);
  }

  private static void claimAndRelease(Rig rig) {
    rig.group("a").claimDmaOwner(new DmaOwner("x"));
    rig.group("a").releaseDmaOwner();
  }

  private static void release(Rig rig) {
    rig.core().releaseDevice(rig.device("b"));
  }

  private static void reset(Rig rig) {
    rig.core().resetPrepare(rig.device("a"));
    rig.core().resetDone(rig.device("a"));
  }

  private static List<Spot> driverSpots() {
    List<Spot> spots = new ArrayList<>();
    spots.add(
        hooked(
            "operations at registration",
            "-",
            "operations",
            "operations",
            "other",
            AS_IT_IS,
            rig -> {
              FakeDriver other = rig.newDriver("other");
              FakeInstance instance = new FakeInstance("i9", other, new FirmwareNode("i9"));
              other.instances.add(instance);
              rig.core().register(instance);
              rig.core().unregister(instance);
            }));
    spots.add(
        new Spot(
            "of_xlate",
            "P",
            "of_xlate",
            AS_IT_IS,
            (rig, world, inside) -> {
              FirmwareNode node = new FirmwareNode("described");
              FakeInstance instance = rig.instanceAt(node);
              rig.core().register(instance);
              rig.pci("x", builder -> builder.iommu(IommuSpecifier.of(node)));
              rig.hooks.once("of_xlate", "x", inside);
              rig.add("x");
            }));
    for (String early : List.of("probe_device", "device_group", "is_attach_deferred")) {
      spots.add(hooked(early, "P", early, early, "x", AS_IT_IS, LockTableTest::hotAdd));
    }
    spots.add(
        hooked(
            "release_device after an early failure",
            "P",
            "release_device",
            "release_device",
            "x",
            rig -> rig.hooks.fail("device_group", "x", Errno.ENOSPC),
            LockTableTest::hotAddFailing));
    spots.add(
        hooked(
            "release_device after a late failure",
            "PG",
            "release_device",
            "release_device",
            "x",
            rig -> rig.hooks.fail("env.link_member", "x", Errno.EEXIST),
            LockTableTest::hotAddFailing));
    spots.add(
        hooked(
            "release_device",
            "G",
            "release_device",
            "release_device",
            "b",
            AS_IT_IS,
            LockTableTest::release));
    spots.add(
        hooked(
            "def_domain_type at hot add",
            "PG",
            "def_domain_type",
            "def_domain_type",
            "x",
            AS_IT_IS,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "def_domain_type at a type change",
            "G",
            "def_domain_type",
            "def_domain_type",
            "b",
            AS_IT_IS,
            LockTableTest::toIdentity));
    spots.add(
        hooked(
            "get_resv_regions at hot add",
            "PG",
            "get_resv_regions",
            "resv",
            "x",
            AS_IT_IS,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "get_resv_regions for a group",
            "G",
            "get_resv_regions",
            "resv",
            "b",
            AS_IT_IS,
            rig -> rig.group("a").reservedRegions()));
    spots.add(
        hooked(
            "get_resv_regions for a device",
            "-",
            "get_resv_regions",
            "resv",
            "b",
            AS_IT_IS,
            rig -> rig.dev("b").reservedRegions()));
    spots.add(
        hooked(
            "capable for a device",
            "-",
            "capable",
            "capable",
            "b",
            AS_IT_IS,
            rig -> rig.dev("b").capable(Capability.NOEXEC)));
    spots.add(
        new Spot(
            "capable in the DMA layer",
            "PG",
            "capable",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("capable", "x", inside);
              rig.hooks.once("dma.setup", "x", () -> rig.dev("x").capable(Capability.NOEXEC));
              rig.add("x");
            }));
    spots.add(
        hooked(
            "domain_alloc_paging at hot add",
            "PG",
            "domain_alloc_paging",
            "alloc",
            "x",
            AS_IT_IS,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "domain_alloc_paging_flags at a type change",
            "G",
            "domain_alloc_paging_flags",
            "alloc_flags",
            "a",
            LockTableTest::toIdentity,
            rig -> rig.group("a").changeDefaultDomain(DefaultDomainRequest.DMA)));
    spots.add(
        hooked(
            "domain_alloc_paging for a claim",
            "G",
            "domain_alloc_paging",
            "alloc",
            "x",
            rig -> {
              rig.driver.blocked = null;
              FakeDriver plain = rig.newDriver("plain");
              plain.blocked = null;
              FirmwareNode node = new FirmwareNode("plain");
              FakeInstance instance = new FakeInstance("i8", plain, node);
              plain.instances.add(instance);
              rig.core().register(instance);
              rig.pci("x", builder -> builder.iommu(IommuSpecifier.of(node)));
              rig.add("x");
            },
            rig -> {
              rig.group("x").claimDmaOwner(new DmaOwner("y"));
              rig.group("x").releaseDmaOwner();
            }));
    spots.add(
        hooked(
            "domain_alloc_paging for a consumer",
            "-",
            "domain_alloc_paging",
            "alloc",
            "a",
            AS_IT_IS,
            rig -> rig.core().allocPagingDomain(rig.device("a")).close()));
    spots.add(
        hooked(
            "domain_alloc_paging_flags for a consumer",
            "-",
            "domain_alloc_paging_flags",
            "alloc_flags",
            "a",
            AS_IT_IS,
            rig -> rig.core().allocPagingDomain(rig.device("a"), AllocFlag.DIRTY).close()));
    spots.add(
        hooked(
            "attach_dev at hot add",
            "PG",
            "attach_dev",
            "attach",
            "x",
            AS_IT_IS,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "attach_dev at a type change",
            "G",
            "attach_dev",
            "attach",
            "b",
            AS_IT_IS,
            LockTableTest::toIdentity));
    spots.add(
        hooked(
            "attach_dev at a claim",
            "G",
            "attach_dev",
            "attach",
            "a",
            AS_IT_IS,
            LockTableTest::claimAndRelease));
    spots.add(
        hooked(
            "attach_dev at a reset",
            "G",
            "attach_dev",
            "attach",
            "a",
            AS_IT_IS,
            LockTableTest::reset));
    spots.add(
        hooked(
            "attach_dev of the release domain",
            "G",
            "attach_dev",
            "attach",
            "b",
            AS_IT_IS,
            LockTableTest::release));
    spots.add(
        new Spot(
            "set_dev_pasid",
            "G",
            "set_dev_pasid",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("pasid", "a", inside);
              rig.dev("a").attachPasid(world.domain(), 3, null);
              rig.dev("a").detachPasid(world.domain(), 3);
            }));
    spots.add(
        hooked(
            "probe_finalize at hot add",
            "-",
            "probe_finalize",
            "probe_finalize",
            "x",
            AS_IT_IS,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "free at a type change",
            "G",
            "free",
            "free",
            "D1",
            AS_IT_IS,
            LockTableTest::toIdentity));
    spots.add(
        hooked(
            "free after a failed hot add",
            "PG",
            "free",
            "free",
            Hooks.ANY,
            rig -> rig.hooks.fail("dma.get_cookie", Hooks.ANY, Errno.ENOMEM),
            LockTableTest::hotAddFailing));
    spots.add(
        new Spot(
            "free by a consumer",
            "-",
            "free",
            AS_IT_IS,
            (rig, world, inside) -> {
              PagingDomain domain = rig.domain("a");
              rig.hooks.once("free", Rig.nameOf(domain), inside);
              domain.close();
            }));
    return spots;
  }

  private static List<Spot> tableSpots() {
    List<Spot> spots = new ArrayList<>();
    spots.add(
        hooked(
            "map_pages of a direct region",
            "PG",
            "map_pages",
            "map",
            Hooks.ANY,
            LockTableTest::directRegion,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "iotlb_sync_map of a direct region",
            "PG",
            "iotlb_sync_map",
            "sync_map",
            Hooks.ANY,
            LockTableTest::directRegion,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "iova_to_phys for a direct region",
            "PG",
            "iova_to_phys",
            "phys",
            Hooks.ANY,
            LockTableTest::directRegion,
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "unmap_pages: the undo of a direct region",
            "PG",
            "unmap_pages",
            "unmap",
            Hooks.ANY,
            rig -> {
              directRegion(rig);
              rig.hooks.fail("sync_map", Hooks.ANY, Errno.EIO);
            },
            LockTableTest::hotAdd));
    spots.add(
        hooked(
            "iotlb_sync: the undo of a direct region",
            "PG",
            "iotlb_sync",
            "sync",
            Hooks.ANY,
            rig -> {
              directRegion(rig);
              rig.hooks.fail("sync_map", Hooks.ANY, Errno.EIO);
            },
            LockTableTest::hotAdd));
    for (String callback : List.of("map", "sync_map", "phys", "unmap", "sync", "flush_all")) {
      spots.add(
          new Spot(
              callback + " for a consumer",
              "-",
              callback,
              AS_IT_IS,
              (rig, world, inside) -> {
                rig.hooks.once(callback, Rig.nameOf(world.domain()), inside);
                world.domain().map(0x1000, 0x2000, 0x1000, 3);
                assertThat(world.domain().iovaToPhys(0x1000)).isEqualTo(0x2000);
                world.domain().unmap(0x1000, 0x1000);
                world.domain().flushIotlbAll();
              }));
    }
    spots.add(
        new Spot(
            "set_pgtable_quirks",
            "-",
            "set_pgtable_quirks",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("quirks", Hooks.ANY, inside);
              world.domain().setPgtableQuirks(1);
            }));
    spots.add(
        new Spot(
            "enforce_cache_coherency",
            "-",
            "enforce_cache_coherency",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("coherency", Hooks.ANY, inside);
              world.domain().enforceCacheCoherency();
            }));
    return spots;
  }

  private static List<Spot> environmentSpots() {
    List<Spot> spots = new ArrayList<>();
    // What runs inside may probe the device itself; the probe around it then gives way (CORE-103).
    spots.add(
        environment(
            "dmaConfigure",
            "-",
            "dma_configure",
            "x",
            rig -> {
              var unused = rig.core().addDevice(rig.device("x"));
            }));
    spots.add(
        environment(
            "dmaConfigure",
            "-",
            "dma_configure",
            "a",
            rig -> {
              rig.core().bindDriver(rig.device("a"), false);
              rig.core().unbindDriver(rig.device("a"));
            }));
    spots.add(
        environment(
            "missingInstance",
            "P",
            "missing_instance",
            Hooks.ANY,
            rig ->
                Rig.refused(
                    Errno.EPROBE_DEFER,
                    () -> rig.core().initFwspec(rig.device("x"), new FirmwareNode("nobody")))));
    spots.add(environment("allocate", "P", "allocate", "dev_iommu", LockTableTest::hotAdd));
    spots.add(environment("allocate", "P", "allocate", "group_device", LockTableTest::hotAdd));
    spots.add(environment("allocate", "P", "allocate", "group", LockTableTest::hotAdd));
    spots.add(environment("allocate", "-", "allocate", "group", rig -> rig.core().allocGroup()));
    spots.add(
        environment(
            "allocate",
            "-",
            "allocate",
            "group name",
            rig -> rig.core().allocGroup().setName("n")));
    spots.add(
        environment("allocateGroupId", "P", "allocate_group_id", Hooks.ANY, LockTableTest::hotAdd));
    spots.add(environment("publishGroup", "P", "publish_group", Hooks.ANY, LockTableTest::hotAdd));
    spots.add(
        environment(
            "publishGroupDevices", "P", "publish_group_devices", Hooks.ANY, LockTableTest::hotAdd));
    spots.add(
        environment("publishGroupFile", "P", "publish_group_file", "type", LockTableTest::hotAdd));
    spots.add(
        environment(
            "unpublishGroupFile",
            "-",
            "unpublish_group_file",
            "name",
            rig -> {
              IommuGroup group = rig.core().allocGroup();
              group.setName("n");
              group.setName(null);
            }));
    spots.add(
        environment(
            "unpublishGroup",
            "-",
            "unpublish_group",
            Hooks.ANY,
            rig -> rig.core().allocGroup().put()));
    spots.add(environment("linkMember", "P", "link_member", "x", LockTableTest::hotAdd));
    spots.add(environment("linkInGroup", "P", "link_in_group", "x", LockTableTest::hotAdd));
    spots.add(environment("linkInstance", "P", "link_instance", "x", LockTableTest::hotAdd));
    spots.add(environment("unlinkMember", "G", "unlink_member", "b", LockTableTest::release));
    spots.add(environment("unlinkInGroup", "G", "unlink_in_group", "b", LockTableTest::release));
    spots.add(environment("unlinkInstance", "G", "unlink_instance", "b", LockTableTest::release));
    spots.add(environment("pinDriver", "P", "pin_driver", Hooks.ANY, LockTableTest::hotAdd));
    spots.add(environment("unpinDriver", "G", "unpin_driver", Hooks.ANY, LockTableTest::release));
    return spots;
  }

  private static Spot environment(
      String method, String locks, String hook, String subject, Consumer<Rig> trigger) {
    return hooked(
        "environment." + method + " " + subject,
        locks,
        "environment." + method,
        "env." + hook,
        subject,
        AS_IT_IS,
        trigger);
  }

  private static List<Spot> dmaSpots() {
    List<Spot> spots = new ArrayList<>();
    spots.add(dma("get_cookie", "PG", Hooks.ANY, LockTableTest::hotAdd));
    spots.add(dma("setup", "PG", "x", LockTableTest::hotAdd));
    spots.add(dma("put_cookie", "G", Hooks.ANY, LockTableTest::toIdentity));
    spots.add(dma("teardown", "G", "a", LockTableTest::toIdentity));
    spots.add(
        dma(
            "start_flush_queue",
            "G",
            Hooks.ANY,
            rig -> rig.group("a").changeDefaultDomain(DefaultDomainRequest.DMA_FQ)));
    spots.add(
        dma("prepare_msi", "G", "a", rig -> rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L)));
    spots.add(
        dma(
            "get_msi_cookie",
            "-",
            Hooks.ANY,
            rig -> {
              PagingDomain domain = rig.domain("a");
              domain.setMsiWindow(0x1000);
              domain.close();
            }));
    spots.add(
        dma(
            "put_msi_cookie",
            "-",
            Hooks.ANY,
            rig -> {
              PagingDomain domain = rig.domain("a");
              domain.setMsiWindow(0x1000);
              domain.close();
            }));
    spots.add(
        dma(
            "mapper_for",
            "-",
            "a",
            rig -> Rig.refused(Errno.EOPNOTSUPP, () -> rig.core().dmaMapper(rig.device("a")))));
    return spots;
  }

  private static Spot dma(String method, String locks, String subject, Consumer<Rig> trigger) {
    return hooked(
        "dma_layer." + method,
        locks,
        "dma_layer." + method,
        "dma." + method,
        subject,
        AS_IT_IS,
        trigger);
  }

  private static List<Spot> observerSpots() {
    List<Spot> spots = new ArrayList<>();
    spots.add(tracer("deviceAdded", "P", "device_added", "x", LockTableTest::hotAdd));
    spots.add(
        tracer(
            "deviceAdded",
            "-",
            "device_added",
            "x",
            rig -> {
              rig.core().addToGroup(rig.core().allocGroup(), rig.device("x"));
              rig.core().removeFromGroup(rig.device("x"));
            }));
    spots.add(tracer("deviceRemoved", "G", "device_removed", "b", LockTableTest::release));
    spots.add(tracer("attached", "PG", "attached", "x", LockTableTest::hotAdd));
    spots.add(tracer("attached", "G", "attached", "b", LockTableTest::toIdentity));
    spots.add(
        new Spot(
            "tracer.mapped",
            "-",
            "tracer.mapped",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("trace.mapped", world.domain().toString(), inside);
              world.domain().map(0x1000, 0x2000, 0x1000, 3);
              world.domain().unmap(0x1000, 0x1000);
            }));
    spots.add(
        new Spot(
            "tracer.mapped of a direct region",
            "PG",
            "tracer.mapped",
            LockTableTest::directRegion,
            (rig, world, inside) -> {
              rig.hooks.once("trace.mapped", Hooks.ANY, inside);
              rig.add("x");
            }));
    spots.add(
        new Spot(
            "tracer.unmapped",
            "-",
            "tracer.unmapped",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("trace.unmapped", world.domain().toString(), inside);
              world.domain().map(0x1000, 0x2000, 0x1000, 3);
              world.domain().unmap(0x1000, 0x1000);
            }));
    spots.add(
        new Spot(
            "tracer.fault",
            "-",
            "tracer.fault",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("trace.fault", "b", inside);
              world.domain().reportFault(rig.dev("b"), 0x1000, FaultAccess.READ);
            }));
    spots.add(
        new Spot(
            "tracer.violation",
            "G",
            "tracer.violation",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("trace.violation", "release-refused", inside);
              world.group().releaseDmaOwner();
              rig.takeViolations();
            }));
    spots.add(
        new Spot(
            "tracer.message",
            "P",
            "tracer.message",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.hooks.once("trace.message", "ADD_TO_GROUP", inside);
              rig.add("x");
            }));
    spots.add(
        new Spot(
            "forEachDevice",
            "G",
            "for_each_dev",
            AS_IT_IS,
            (rig, world, inside) ->
                world
                    .group()
                    .<Object>forEachDevice(
                        device -> {
                          inside.run();
                          return device;
                        })));
    spots.add(
        new Spot(
            "iommudata release",
            "-",
            "iommudata_release",
            AS_IT_IS,
            (rig, world, inside) -> {
              IommuGroup group = rig.core().allocGroup();
              group.setIommudata("data", data -> inside.run());
              group.put();
            }));
    spots.add(
        new Spot(
            "iommudata release after a failed probe",
            "P",
            "iommudata_release",
            AS_IT_IS,
            (rig, world, inside) -> {
              rig.driver.grouping =
                  (device, groups) -> {
                    IommuGroup made = groups.generic();
                    made.setIommudata("data", data -> inside.run());
                    return made;
                  };
              rig.hooks.fail("env.link_member", "x", Errno.EEXIST);
              rig.addFailing("x");
              rig.driver.grouping = null;
            }));
    spots.add(
        new Spot(
            "resv_region.free for a group",
            "G",
            "resv_region.free",
            AS_IT_IS,
            (rig, world, inside) -> {
              regionWithFree(rig, "b", inside);
              world.group().reservedRegions();
              rig.driver.regions.clear();
            }));
    spots.add(
        new Spot(
            "resv_region.free at hot add",
            "PG",
            "resv_region.free",
            AS_IT_IS,
            (rig, world, inside) -> {
              regionWithFree(rig, "x", inside);
              rig.add("x");
              rig.driver.regions.clear();
            }));
    spots.add(
        new Spot(
            "fault handler",
            "-",
            "fault_handler",
            AS_IT_IS,
            (rig, world, inside) -> {
              world
                  .domain()
                  .setFaultHandler(
                      (domain, device, iova, access) -> {
                        inside.run();
                        return null;
                      });
              assertThat(world.domain().reportFault(rig.dev("a"), 0x1000, FaultAccess.READ))
                  .isNull();
            }));
    return spots;
  }

  private static Spot tracer(
      String method, String locks, String hook, String subject, Consumer<Rig> trigger) {
    return hooked(
        "tracer." + method, locks, "tracer." + method, "trace." + hook, subject, AS_IT_IS, trigger);
  }

  /** Runs once: the list may be asked for more than once. */
  private static void regionWithFree(Rig rig, String device, Runnable inside) {
    List<Runnable> once = new ArrayList<>(List.of(inside));
    rig.driver.regions.put(
        device,
        List.of(
            ResvRegion.of(0x1000, 0x1000, 3, ResvType.RESERVED)
                .withFree(
                    unused -> {
                      if (!once.isEmpty()) {
                        once.remove(0).run();
                      }
                    })));
  }

  // CORE-002, CORE-003, CORE-004, CORE-005, CORE-006, CORE-039, CORE-198, CORE-562, CORE-1040
  @TestFactory
  Stream<DynamicTest> driverCallbacks() {
    return driverSpots().stream().map(LockTableTest::test);
  }

  @TestFactory // CORE-006, CORE-562
  Stream<DynamicTest> tableCallbacks() {
    return tableSpots().stream().map(LockTableTest::test);
  }

  @TestFactory // CORE-006, CORE-103
  Stream<DynamicTest> environmentCallbacks() {
    return environmentSpots().stream().map(LockTableTest::test);
  }

  @TestFactory // CORE-006, CORE-207, CORE-213, CORE-463, CORE-467
  Stream<DynamicTest> dmaLayerCallbacks() {
    return dmaSpots().stream().map(LockTableTest::test);
  }

  @TestFactory // CORE-006, CORE-027, CORE-039, CORE-466, CORE-703
  Stream<DynamicTest> consumersAndObservers() {
    return observerSpots().stream().map(LockTableTest::test);
  }

  private static DynamicTest test(Spot spot) {
    return DynamicTest.dynamicTest(spot.title() + " @" + spot.locks(), () -> run(spot));
  }

  private static void run(Spot spot) {
    Rig rig = new Rig();
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    rig.driver.domainOperations.addAll(
        List.of(
            DomainOp.IOTLB_SYNC_MAP,
            DomainOp.IOTLB_SYNC,
            DomainOp.FLUSH_IOTLB_ALL,
            DomainOp.SET_PGTABLE_QUIRKS,
            DomainOp.ENFORCE_CACHE_COHERENCY));
    if (spot.title().contains("release domain")) {
      rig.driver.release = rig.driver.blocked;
    }
    Reentry world = new Reentry(rig);
    spot.before().accept(rig);
    spot.trigger().pull(rig, world, world.inside(spot.locks(), named(spot.callback())));
    Throwable failure = world.failure();
    if (failure != null) {
      throw new AssertionError(spot.title(), failure);
    }
    assertThat(world.runs()).as("the callback ran").isEqualTo(1);
    rig.takeViolations();
    world.end();
    assertThat(rig.takeViolations()).isEmpty();
    Rig.assertSensible(rig.core());
    rig.core().closeForced();
  }

  /** The kernel's name of a callback whose hook has a shorter one. */
  private static String named(String callback) {
    return switch (callback) {
      case "map" -> "map_pages";
      case "unmap" -> "unmap_pages";
      case "sync_map" -> "iotlb_sync_map";
      case "sync" -> "iotlb_sync";
      case "phys" -> "iova_to_phys";
      case "flush_all" -> "flush_iotlb_all";
      default -> callback;
    };
  }
}
