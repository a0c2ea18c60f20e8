package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.List;
import org.iommu4j.api.BusType;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Replays, hot add, hot remove, and the order in which a bus does things. */
final class BusProbeTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-062
  void aFailedProbeNeverVetoesTheDevice() {
    rig.start();
    rig.hooks.fail("probe_device", "a", Errno.EIO);
    ProbeOutcome outcome = rig.core().addDevice(rig.device("a"));
    assertThat(outcome.succeeded()).isFalse();
    assertThat(outcome.device()).isNull();
    refused(Errno.EIO, outcome::orThrow);
    refused(Errno.EEXIST, () -> rig.core().addDevice(rig.device("a")));
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.core().deviceOf(rig.device("a"))).isPresent();
  }

  @Test // CORE-062
  void aSuccessfulProbeAnswersTheDevice() {
    rig.start();
    ProbeOutcome outcome = rig.core().addDevice(rig.device("a"));
    assertThat(outcome.orThrow()).isSameAs(rig.dev("a"));
  }

  @Test // CORE-063, CORE-600
  void removalReleasesAndFreesTheName() {
    rig.start();
    rig.add("a");
    rig.core().removeDevice(rig.device("a"));
    assertThat(rig.core().deviceOf(rig.device("a"))).isEmpty();
    refused(Errno.ENODEV, () -> rig.core().removeDevice(rig.device("a")));
    rig.add("a");
  }

  @Test // CORE-064
  void noDeviceIsNoErrorInAReplay() {
    rig.driver.refused.add("a");
    rig.addFailing("a");
    rig.addFailing("b");
    rig.start();
    assertThat(rig.core().deviceOf(rig.device("a"))).isEmpty();
    assertThat(rig.core().deviceOf(rig.device("b"))).isPresent();
  }

  @Test // CORE-064: the first error ends pass 1, and pass 2 does not run
  void anAbortedReplaySetsNothingUp() {
    rig.addFailing("a");
    rig.addFailing("bad");
    rig.addFailing("c");
    rig.core();
    rig.journal.clear();
    rig.hooks.fail("probe_device", "bad", Errno.EBUSY);
    refused(Errno.EBUSY, () -> rig.core().register(rig.iommu));
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device a", "device_group a", "probe_device bad = EBUSY", "release_device a");
  }

  @Test // CORE-064, CORE-065: a group that survives an aborted replay is set up by the next one
  void aSurvivingGroupCanBeQueuedAgain() {
    rig.driver.grouping = (device, groups) -> groups.singleton();
    rig.addFailing("a");
    rig.addFailing("bad");
    rig.core();
    rig.hooks.fail("probe_device", "bad", Errno.EBUSY);
    refused(Errno.EBUSY, () -> rig.core().register(rig.iommu));
    rig.core().register(rig.iommu);
    assertThat(rig.state("a").defaultDomain()).isNotNull();
    assertThat(rig.state("a").members()).hasSize(2);
  }

  @Test // CORE-065
  void pass2SetsUpInCollectionOrderAndFinalisesAfterwards() {
    rig.sharing("g", "a", "c");
    rig.addFailing("a");
    rig.addFailing("b");
    rig.addFailing("c");
    rig.core();
    rig.journal.clear();
    rig.showLocks();
    rig.core().register(rig.iommu);
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device a @P",
            "device_group a @P",
            "probe_device b @P",
            "device_group b @P",
            "probe_device c @P",
            "device_group c @P",
            "alloc_paging a = D1 @G",
            "attach a -> D1[DMA] (old null) @G",
            "attach c -> D1[DMA] (old null) @G",
            "probe_finalize a @-",
            "probe_finalize c @-",
            "alloc_paging b = D2 @G",
            "attach b -> D2[DMA] (old null) @G",
            "probe_finalize b @-");
  }

  @Test // CORE-065: an error of the set-up returns at once; unregistration releases the rest
  void aFailedSetUpEndsTheReplay() {
    rig.addFailing("a");
    rig.addFailing("b");
    rig.addFailing("c");
    rig.core();
    rig.hooks.fail("alloc", "b", Errno.ENOSPC);
    rig.journal.clear();
    refused(Errno.EINVAL, () -> rig.core().register(rig.iommu));
    assertThat(rig.takeCalls())
        .endsWith(
            "alloc_paging b = ENOSPC",
            "release_device a",
            "free D1",
            "release_device b",
            "release_device c");
    assertThat(rig.core().groups()).isEmpty();
  }

  @Test // CORE-066, appendix scenario 1 and 2
  void aReplayKnowsAllWishesAndAHotAddDoesNot() {
    rig.driver.wishes.put("b", DomainType.IDENTITY);
    IommuGroup replayed = rig.startWithGroup("a", "b");
    assertThat(replayed.typeText()).isEqualTo("identity");
    rig.driver.wishes.put("d", DomainType.IDENTITY);
    rig.sharing("other", "c", "d");
    rig.add("c", "d");
    assertThat(rig.group("c").typeText()).isEqualTo("DMA");
    assertThat(rig.group("d")).isSameAs(rig.group("c"));
  }

  @Test // CORE-067
  void joiningAFinishedGroupInAReplayIsNotFinalised() {
    FirmwareNode one = new FirmwareNode("first");
    FirmwareNode two = new FirmwareNode("second");
    FakeInstance second = rig.instanceAt(two);
    rig.sharing("g", "a", "b");
    rig.pci("a", builder -> builder.iommu(IommuSpecifier.of(one)));
    rig.pci("b", builder -> builder.iommu(IommuSpecifier.of(two)));
    rig.core().register(rig.instanceAt(one));
    rig.add("a");
    rig.addFailing("b");
    rig.journal.clear();
    rig.core().register(second);
    assertThat(rig.takeCalls())
        .containsExactly(
            "of_xlate b []", "probe_device b", "device_group b", "attach b -> D1[DMA] (old null)");
    assertThat(rig.state("b").members().get(1).dma()).isTrue();
  }

  @Test // CORE-068: finalisation walks a snapshot
  void aMemberThatLeavesMeanwhileIsNotFinalised() {
    rig.sharing("shared", "a", "b", "c");
    rig.addFailing("a");
    rig.addFailing("b");
    rig.addFailing("c");
    rig.core();
    rig.hooks.once("probe_finalize", "a", () -> rig.core().releaseDevice(rig.device("b")));
    rig.journal.clear();
    rig.core().register(rig.iommu);
    assertThat(rig.journal.starting("probe_finalize"))
        .containsExactly("probe_finalize a", "probe_finalize c");
  }

  @Test // CORE-069
  void theBusDoesThingsInOrder() {
    rig.start();
    rig.add("a");
    rig.journal.clear();
    rig.core().bindDriver(rig.device("a"), false);
    assertThat(rig.journal.starting("env dma_configure")).containsExactly("env dma_configure a");
    assertThat(rig.state("a").ownerCount()).isEqualTo(1);
    refused(Errno.EBUSY, () -> rig.core().bindDriver(rig.device("a"), false));
    rig.core().unbindDriver(rig.device("a"));
    assertThat(rig.state("a").ownerCount()).isZero();
    rig.core().unbindDriver(rig.device("a"));
    assertThat(rig.state("a").ownerCount()).isZero();
  }

  @Test // CORE-069, CORE-206: drivers that manage DMA themselves are not counted
  void managedDriversAreNotCounted() {
    rig.start();
    rig.add("a");
    rig.core().bindDriver(rig.device("a"), true);
    assertThat(rig.state("a").ownerCount()).isZero();
    rig.core().unbindDriver(rig.device("a"));
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-069, CORE-305: a refused bind leaves the device unbound
  void aRefusedBindLeavesNothing() {
    rig.start();
    rig.add("a");
    rig.group("a").claimDmaOwner(new DmaOwner("vmm"));
    refused(Errno.EBUSY, () -> rig.core().bindDriver(rig.device("a"), false));
    rig.group("a").releaseDmaOwner();
    rig.core().bindDriver(rig.device("a"), false);
    rig.core().unbindDriver(rig.device("a"));
  }

  @Test // CORE-305: the CDX bus binds although it was refused, and unbinding unbalances the count
  void theCdxBusIgnoresARefusal() {
    rig.start();
    Device device = PlatformDevice.builder("x").bus(BusType.CDX).build();
    IommuGroup group = rig.core().probeDevice(device).group();
    group.claimDmaOwner(new DmaOwner("vmm"));
    rig.core().bindDriver(device, false);
    assertThat(group.snapshot().ownerCount()).isEqualTo(1);
    rig.core().unbindDriver(device);
    assertThat(group.snapshot().ownerCount()).isZero();
    assertThat(group.snapshot().owner()).isNotNull();
    group.releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
  }

  @Test // CORE-080: only a deferral stops a bind
  void onlyADeferralStopsABind() {
    rig.start();
    rig.add("a");
    rig.hooks.fail("env.dma_configure", "a", Errno.EIO);
    rig.core().bindDriver(rig.device("a"), false);
    rig.core().unbindDriver(rig.device("a"));
    rig.hooks.fail("env.dma_configure", "a", Errno.EPROBE_DEFER);
    refused(Errno.EPROBE_DEFER, () -> rig.core().bindDriver(rig.device("a"), false));
    assertThat(rig.state("a").ownerCount()).isZero();
  }

  @Test // CORE-070, CORE-081, CORE-302: appendix scenario 16
  void aBindBeforeRegistrationIsRetriedLater() {
    FirmwareNode node = new FirmwareNode("iommu");
    FakeInstance instance = rig.instanceAt(node);
    rig.pci("a", builder -> builder.iommu(IommuSpecifier.of(node)));
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENODEV);
    refused(Errno.EPROBE_DEFER, () -> rig.core().bindDriver(rig.device("a"), false));
    rig.core().register(instance);
    rig.core().bindDriver(rig.device("a"), false);
    assertThat(rig.state("a").ownerCount()).isEqualTo(1);
    rig.core().unbindDriver(rig.device("a"));
  }

  @Test // CORE-079, CORE-111: a device configured only now is probed late, inside the bind
  void aLateDeviceIsProbedInsideTheBind() {
    FirmwareNode node = new FirmwareNode("iommu");
    FakeInstance instance = rig.instanceAt(node);
    rig.pci("a", builder -> builder.iommu(new IommuSpecifier(node, List.of(3))));
    rig.core().register(instance);
    rig.hooks.fail("env.dma_configure", "a", Errno.EIO);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENODEV);
    rig.journal.clear();
    rig.core().bindDriver(rig.device("a"), false);
    assertThat(rig.takeCalls()).startsWith("of_xlate a [3]", "probe_device a");
    assertThat(rig.state("a").ownerCount()).isEqualTo(1);
    assertThat(rig.takeViolations()).containsExactly("1012 late-probe");
    rig.core().unbindDriver(rig.device("a"));
  }
}
