package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.eq;
import static org.mockito.ArgumentMatchers.isNull;
import static org.mockito.ArgumentMatchers.same;
import static org.mockito.Mockito.inOrder;
import static org.mockito.Mockito.spy;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.mockito.InOrder;

/** Probing one device, and how it joins a group. */
final class ProbeTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-100, CORE-198
  void finalisationRunsUnderNoLock() {
    rig.start();
    rig.showLocks();
    rig.add("a");
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device a @P",
            "device_group a @P",
            "alloc_paging a = D1 @PG",
            "attach a -> D1[DMA] (old null) @PG",
            "probe_finalize a @-");
  }

  @Test // CORE-101
  void probingAgainOnlyFinalisesAgain() {
    rig.start();
    rig.add("a");
    DevIommu first = rig.dev("a");
    rig.journal.clear();
    assertThat(rig.core().probeDevice(rig.device("a"))).isSameAs(first);
    assertThat(rig.takeCalls()).containsExactly("probe_finalize a");
  }

  @Test // CORE-101: a member of a plain group is left alone
  void plainMembersAreNotProbed() {
    rig.start();
    IommuGroup plain = rig.core().allocGroup();
    rig.core().addToGroup(plain, rig.device("a"));
    rig.journal.clear();
    refused(Errno.ENODEV, () -> rig.core().probeDevice(rig.device("a")));
    assertThat(rig.core().addDevice(rig.device("a")).succeeded()).isTrue();
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(plain.snapshot().members()).hasSize(1);
    rig.core().removeDevice(rig.device("a"));
  }

  @Test // CORE-103: the result of dma_configure is ignored
  void dmaConfigureRunsWithoutTheProbeLockAndMayFail() {
    rig.start();
    rig.showLocks();
    rig.hooks.fail("env.dma_configure", "a", Errno.EIO);
    rig.add("a");
    assertThat(rig.journal.starting("env dma_configure"))
        .containsExactly("env dma_configure a = EIO @-");
  }

  @Test // CORE-103: not asked when firmware has spoken or a driver is bound
  void dmaConfigureIsSkippedWhenFirmwareHasSpoken() {
    FirmwareNode node = new FirmwareNode("iommu");
    FakeInstance instance = rig.instanceAt(node);
    rig.core().register(instance);
    rig.core().initFwspec(rig.device("a"), node);
    rig.add("a");
    assertThat(rig.journal.starting("env dma_configure")).isEmpty();
  }

  @Test // CORE-103: somebody else finished the job meanwhile
  void aProbeThatLostTheRaceCleansNothingUp() {
    rig.start();
    rig.hooks.once("env.dma_configure", "a", () -> rig.core().probeDevice(rig.device("a")));
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENODEV);
    assertThat(rig.core().deviceOf(rig.device("a"))).isPresent();
    assertThat(rig.state("a").members()).hasSize(1);
    assertThat(rig.env.pins()).isEqualTo(1);
  }

  @Test // CORE-103: somebody else undid the job meanwhile
  void aProbeWhoseObjectWentAwayStops() {
    rig.start();
    rig.hooks.once("env.dma_configure", "a", () -> rig.core().releaseDevice(rig.device("a")));
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENODEV);
    assertThat(rig.takeCalls()).isEmpty();
    rig.core().probeDevice(rig.device("a"));
  }

  @Test // CORE-102, CORE-104: without a matching instance the object goes away again
  void withoutInstanceNothingRemains() {
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENODEV);
    refused(Errno.EINVAL, () -> rig.core().addFwspecIds(rig.device("a"), List.of(1)));
    assertThat(rig.journal.starting("env pin_driver")).isEmpty();
  }

  @Test // CORE-110, CORE-109
  void aFirstProbeCallsTheDriverInThisOrder() {
    FirmwareNode node = new FirmwareNode("iommu");
    FakeDriver fake = rig.driver;
    fake.operations.add(IommuOp.IS_ATTACH_DEFERRED);
    fake.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    IommuOps spied = spy(fake);
    FakeInstance instance = new FakeInstance("i1", spied, node);
    fake.instances.add(instance);
    rig.pci("a", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.core().register(instance);
    rig.add("a");
    DevIommu a = rig.dev("a");
    InOrder order = inOrder(spied);
    order.verify(spied).ofXlate(eq(a), any());
    order.verify(spied).probeDevice(a);
    order.verify(spied).deviceGroup(same(a), any());
    order.verify(spied).isAttachDeferred(a);
    order.verify(spied).defDomainType(a);
    order.verify(spied).domainAllocPaging(a);
    order.verify(spied).resvRegions(same(a), any());
    order.verify(spied).probeFinalize(a);
    assertThat(rig.journal.all())
        .containsSubsequence(
            "alloc_paging a = D1",
            "dma get_cookie D1",
            "?resv a",
            "map D1 0x1000 0x1000 0x1000 x1 prot=3",
            "attach a -> D1[DMA] (old null)",
            "dma setup a D1",
            "probe_finalize a");
  }

  @Test // CORE-110, CORE-922: the attach names no old domain
  void theFirstAttachHasNoOldDomain() {
    var platform = rig.driver.newStatic(org.iommu4j.spi.StaticDomain.Kind.PLATFORM);
    var spied = spy(platform);
    IommuOps ops = spy(rig.driver);
    org.mockito.Mockito.doReturn(spied).when(ops).defaultDomain();
    FakeInstance instance = new FakeInstance("i1", ops, null);
    rig.core();
    rig.driver.instances.add(0, instance);
    rig.core().register(instance);
    rig.add("a");
    InOrder order = inOrder(ops, spied);
    order.verify(ops).probeDevice(rig.dev("a"));
    order.verify(spied).attachDev(any(), same(rig.dev("a")), isNull());
    order.verify(ops).probeFinalize(rig.dev("a"));
  }

  @Test // CORE-111, CORE-1012
  void aLateProbeIsNoticedAndGoesOn() {
    rig.core().bindDriver(rig.device("a"), false);
    rig.start();
    rig.add("a");
    assertThat(rig.takeViolations()).containsExactly("1012 late-probe");
    assertThat(rig.journal.starting("env dma_configure")).isEmpty();
    rig.core().unbindDriver(rig.device("a"));
  }

  @Test // CORE-113: the newcomer is listed before any domain work
  void theNewcomerIsListedBeforeDomainWork() {
    rig.start();
    List<Object> seen = new ArrayList<>();
    rig.hooks.once("alloc", "a", () -> seen.add(rig.dev("a").driverDomain() == null));
    rig.add("a");
    assertThat(seen).containsExactly(true);
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-114, CORE-115, CORE-118, CORE-328: appendix scenario 10
  void aNewcomerJoinsWhereAnOwnedGroupIs() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(new DmaOwner("vmm"));
    PagingDomain consumer = rig.domain("a");
    group.attach(consumer);
    rig.driver.regions.put(
        "b", List.of(ResvRegion.of(0x5000, 0x1000, 3, ResvType.DIRECT_RELAXABLE)));
    rig.sharing("shared", "b");
    rig.journal.clear();
    rig.add("b");
    assertThat(rig.journal.all())
        .containsSubsequence(
            "map D1 0x5000 0x5000 0x1000 x1 prot=3",
            "attach b -> D2[UNMANAGED] (old null)",
            "dma setup b D1");
    assertThat(rig.state("b").members().get(1).dma()).isTrue();
    refused(Errno.EBUSY, () -> rig.core().bindDriver(rig.device("b"), false));
    group.detach(consumer);
    consumer.close();
    group.releaseDmaOwner();
  }

  @Test // CORE-114: the result of that mapping is ignored
  void aNewcomerJoinsEvenIfItsRegionsCannotBeMapped() {
    rig.startWithGroup("a");
    rig.sharing("shared", "b");
    rig.driver.regions.put("b", List.of(ResvRegion.of(0x5000, 0x1000, 3, ResvType.DIRECT)));
    rig.hooks.fail("map", "D1", Errno.ENOMEM);
    rig.add("b");
    assertThat(rig.state("b").members()).hasSize(2);
  }

  @Test // CORE-115, CORE-119
  void aNewcomerThatCannotBeAttachedLeavesTheOthersAlone() {
    IommuGroup group = rig.startWithGroup("a");
    rig.sharing("shared", "b");
    rig.hooks.fail("attach", "b", Errno.ENOMEM);
    assertThat(rig.addFailing("b").errno()).isEqualTo(Errno.ENOMEM);
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device b",
            "device_group b",
            "attach b -> D1[DMA] (old null) = ENOMEM",
            "release_device b");
    assertThat(group.snapshot().members()).hasSize(1);
    assertThat(group.snapshot().references()).isEqualTo(1);
    assertThat(rig.core().group(rig.device("b"))).isEmpty();
    assertThat(rig.core().deviceOf(rig.device("b"))).isEmpty();
  }

  @Test // CORE-116
  void aHotAddSetsTheDefaultDomainUpAtOnce() {
    rig.start();
    rig.hooks.fail("alloc", "a", Errno.ENOSPC);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.core().groups()).isEmpty();
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.state("a").defaultDomain()).isNotNull();
  }

  @Test // CORE-117, CORE-118
  void aReplayLeavesTheSetUpToPass2() {
    rig.addFailing("a");
    rig.core();
    List<String> seen = new ArrayList<>();
    rig.hooks.once("dma.setup", "a", () -> seen.add(rig.core().lockContext().toString()));
    rig.core().register(rig.iommu);
    assertThat(seen).containsExactly("G");
  }

  @Test // CORE-119: the whole unwind, in order
  void theUnwindHasAnOrder() {
    rig.driver.release = rig.driver.blocked;
    rig.start();
    rig.hooks.fail("attach", "a", Errno.EIO);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.EIO);
    assertThat(rig.journal.all())
        .containsSubsequence(
            "event add g0 a",
            "attach a -> D1[DMA] (old null) = EIO",
            "env unlink_in_group 0 a",
            "env unlink_member a 0",
            "event remove g0 a",
            "env unlink_instance a i0",
            "attach a -> blocked (old D1)",
            "release_device a",
            "dma put_cookie D1",
            "free D1",
            "env unpin_driver fake",
            "env unpublish_group 0");
    assertThat(rig.takeViolations()).containsExactly("1018 first-attach-failed");
    assertThat(rig.core().groups()).isEmpty();
  }

  @Test // CORE-120, CORE-423
  void aDirectDeviceCannotJoinABlockedGroup() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(new DmaOwner("vmm"));
    rig.sharing("shared", "b");
    rig.driver.regions.put("b", List.of(ResvRegion.of(0x5000, 0x1000, 3, ResvType.DIRECT)));
    rig.journal.clear();
    assertThat(rig.addFailing("b").errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.journal.starting("attach b")).isEmpty();
    assertThat(rig.tracer.messages).contains(CoreMessage.DIRECT_REQUIRED);
    assertThat(group.snapshot().members()).hasSize(1);
    group.releaseDmaOwner();
  }

  @Test // CORE-121
  void aLaterMembersWishesAreNotConsulted() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    rig.start();
    rig.sharing("shared", "a", "b");
    rig.pci("b", builder -> builder.untrusted(true));
    rig.driver.wishes.put("b", DomainType.DMA);
    rig.add("a");
    rig.journal.clear();
    rig.add("b");
    assertThat(rig.journal.starting("?def_domain_type")).isEmpty();
    assertThat(rig.group("b").typeText()).isEqualTo("identity");
    assertThat(rig.takeCalls()).contains("attach b -> identity (old null)");
  }

  @Test // CORE-105
  void aDriverThatIsBeingUnloaded() {
    rig.start();
    rig.env.pinnable = false;
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.takeCalls()).isEmpty();
  }

  @Test // CORE-921: an API group always has a default domain, or the probe fails
  void everyProbedGroupHasADefaultDomain() {
    rig.start();
    rig.add("a", "b");
    for (IommuGroup group : rig.core().groups()) {
      GroupSnapshot now = group.snapshot();
      assertThat(now.defaultDomain()).isNotNull();
      assertThat(now.currentDomain()).isSameAs(now.defaultDomain());
    }
  }
}
