package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.nameOf;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Releasing devices, the end of groups, and groups without IOMMU driver. */
final class ReleaseTest {
  @RegisterExtension final Rig rig = new Rig();

  private final DmaOwner vmm = new DmaOwner("vmm");

  @Test // CORE-600
  void releasingTwiceOrNeverProbedDoesNothing() {
    rig.start();
    rig.core().releaseDevice(rig.device("a"));
    rig.add("a");
    rig.core().releaseDevice(rig.device("a"));
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.journal.all()).isEmpty();
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-600: no probe lock is taken
  void releaseTakesTheGroupLockOnly() {
    rig.start();
    rig.add("a");
    rig.showLocks();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.journal.starting("release_device")).containsExactly("release_device a @G");
  }

  @Test // CORE-601, CORE-602, CORE-603, CORE-604, CORE-613: the whole order
  void aReleaseHasAnOrder() {
    rig.driver.release = rig.driver.blocked;
    rig.start();
    rig.add("a");
    rig.showLocks();
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.journal.all())
        .containsExactly(
            "env unlink_in_group 0 a @G",
            "env unlink_member a 0 @G",
            "event remove g0 a @G",
            "env unlink_instance a i0 @G",
            "attach a -> blocked (old D1) @G",
            "release_device a @G",
            "dma put_cookie D1 @G",
            "free D1 @G",
            "env unpin_driver fake @G",
            "dma teardown a @G",
            "env unpublish_group 0 @-");
  }

  @Test // CORE-603: delisting and release_device are one section
  void aListedMemberAlwaysHasADriver() {
    IommuGroup group = rig.startWithGroup("a", "b");
    List<Integer> members = new ArrayList<>();
    Thread looker = new Thread(() -> members.add(group.snapshot().members().size()));
    rig.hooks.once("release_device", "a", () -> Rig.startUntilBlocked(looker));
    rig.core().releaseDevice(rig.device("a"));
    join(looker);
    assertThat(members).containsExactly(1);
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test // CORE-605, CORE-612: appendix scenario 20
  void aStaleOwnerSurvivesInASurvivingGroup() {
    rig.start();
    rig.add("a");
    IommuGroup group = rig.group("a").ref();
    group.claimDmaOwner(vmm);
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
    GroupSnapshot empty = group.snapshot();
    assertThat(empty.owner()).isSameAs(vmm);
    assertThat(empty.ownerCount()).isEqualTo(1);
    assertThat(empty.defaultDomain()).isNull();
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.group("a")).isSameAs(group);
    assertThat(nameOf(group.defaultDomain())).isEqualTo("D2");
    refused(Errno.EBUSY, () -> rig.core().bindDriver(rig.device("a"), false));
    refused(Errno.EPERM, () -> group.claimDmaOwner(vmm));
    group.releaseDmaOwner();
    rig.core().bindDriver(rig.device("a"), false);
    rig.core().unbindDriver(rig.device("a"));
    group.put();
  }

  @Test // CORE-605: a consumer's domain counts as in use too
  void anUnclaimedConsumerDomainIsReportedAtTheEnd() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
    assertThat(rig.takeCalls()).containsExactly("release_device a", "free D1");
    domain.close();
    assertThat(rig.takeCalls()).containsExactly("free D2");
  }

  @Test // CORE-606: ignored result, no trace
  void theReleaseDomainsResultIsIgnored() {
    rig.driver.release = rig.driver.blocked;
    rig.start();
    rig.add("a");
    rig.journal.clear();
    rig.hooks.fail("attach", "a", Errno.EIO);
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> blocked (old D1) = EIO", "release_device a", "free D1");
    assertThat(rig.journal.starting("event attach")).isEmpty();
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-606: for a parked member "old" is still the current domain
  void aParkedMembersOldDomainIsTheCurrentOne() {
    rig.driver.release = rig.driver.blocked;
    rig.pci("a", builder -> builder.ats(true));
    rig.startWithGroup("a", "b");
    rig.core().resetPrepare(rig.device("a"));
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).containsExactly("attach a -> blocked (old D1)", "release_device a");
    assertThat(rig.takeViolations()).containsExactly("0 parked-member-removed");
  }

  @Test // CORE-607
  void aDirectDeviceIsReleasedToIdentity() {
    rig.driver.release = rig.driver.blocked;
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    rig.start();
    rig.add("a", "b");
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).startsWith("attach a -> identity (old D1)");
    rig.core().releaseDevice(rig.device("b"));
    assertThat(rig.takeCalls()).startsWith("attach b -> blocked (old D2)");
  }

  @Test // CORE-607: without identity the blocked one is used after all
  void withoutIdentityADirectDeviceIsBlocked() {
    rig.driver.identity = null;
    rig.driver.release = rig.driver.blocked;
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    rig.start();
    rig.add("a");
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).startsWith("attach a -> blocked (old D1)");
  }

  @Test // CORE-608: a driver without the operation or the domain
  void releaseIsOptional() {
    rig.driver.operations.remove(IommuOp.RELEASE_DEVICE);
    rig.start();
    rig.add("a");
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).containsExactly("free D1");
  }

  @Test // CORE-608: after release_device the domains may be freed at once
  void theDomainsAreFreedRightAfterTheDriverLetGo() {
    rig.start();
    rig.add("a");
    rig.hooks.once("free", "D1", () -> assertThat(rig.journal.all()).contains("release_device a"));
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.journal.all()).contains("free D1");
  }

  @Test // CORE-609
  void otherMembersNoticeNothing() {
    IommuGroup group = rig.startWithGroup("a", "b", "c");
    GroupSnapshot before = group.snapshot();
    rig.core().releaseDevice(rig.device("b"));
    assertThat(rig.takeCalls()).containsExactly("release_device b");
    assertThat(group.snapshot().currentDomain()).isSameAs(before.currentDomain());
    assertThat(group.snapshot().members())
        .extracting(GroupSnapshot.Member::device)
        .containsExactly(rig.device("a"), rig.device("c"));
  }

  @Test // CORE-610
  void pasidsLeftBehindAreClearedAndReported() {
    rig.pci("a", builder -> builder.pasidLimit(16));
    IommuGroup group = rig.startWithGroup("a");
    group.ref();
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 0xf, new AttachHandle("h"));
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.tracer.violationTexts())
        .anyMatch(text -> text.contains("pasid-left-behind") && text.contains("0xf"));
    rig.takeViolations();
    assertThat(group.snapshot().pasids()).isEmpty();
    domain.close();
    group.put();
  }

  @Test // CORE-611, CORE-1013: both domains are freed, the consumer's is not; scenario 14
  void theLastMemberTakesTheDomainsAlong() {
    rig.driver.blocked = null;
    IommuGroup group = rig.startWithGroup("a", "b");
    group.claimDmaOwner(vmm);
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.core().releaseDevice(rig.device("a"));
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("b"));
    assertThat(rig.takeCalls()).containsExactly("release_device b", "free D1", "free D2");
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
    domain.close();
  }

  @Test // CORE-611: one static object as default and as blocking domain
  void oneObjectInBothRolesIsFreedNever() {
    rig.driver.defaultDomain = rig.driver.blocked;
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(vmm);
    assertThat(rig.takeCalls()).as("there already").isEmpty();
    group.releaseDmaOwner();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).containsExactly("release_device a");
  }

  @Test // CORE-611: before the module reference is dropped
  void theDomainsAreFreedWhileTheDriverIsPinned() {
    rig.start();
    rig.add("a");
    rig.hooks.once("free", "D1", () -> assertThat(rig.env.pins()).isEqualTo(1));
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.env.pins()).isZero();
  }

  @Test // CORE-612
  void aSurvivingGroupStartsAfresh() {
    rig.start();
    rig.add("a");
    IommuGroup group = rig.group("a").ref();
    group.setName("kept");
    group.setIommudata("kept too", null);
    rig.core().releaseDevice(rig.device("a"));
    rig.driver.wishes.put("a", org.iommu4j.api.DomainType.IDENTITY);
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.group("a")).isSameAs(group);
    assertThat(group.name()).isEqualTo("kept");
    assertThat(group.iommudata()).isEqualTo("kept too");
    assertThat(group.typeText()).isEqualTo("identity");
    group.put();
  }

  @Test // CORE-614, CORE-914
  void removingAParkedMemberLowersTheCount() {
    rig.pci("a", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.core().resetPrepare(rig.device("a"));
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeViolations()).containsExactly("0 parked-member-removed");
    assertThat(group.snapshot().recoveryCount()).isZero();
    PagingDomain domain = rig.domain("b");
    group.attach(domain);
    group.detach(domain);
    domain.close();
  }

  @Test // CORE-615
  void anUnregisteredInstanceLeavesBoundDriversWithoutIommu() {
    IommuGroup group = rig.startWithGroup("a");
    rig.core().bindDriver(rig.device("a"), false);
    rig.core().unregister(rig.iommu);
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
    refused(Errno.ENODEV, group::snapshot);
    rig.core().unbindDriver(rig.device("a"));
    assertThat(rig.takeViolations()).isEmpty();
  }

  // ---- plain groups ----

  @Test // CORE-620
  void aPlainMemberIsPublishedAndListed() {
    IommuGroup group = rig.core().allocGroup();
    rig.journal.clear();
    rig.core().addToGroup(group, rig.device("a"));
    assertThat(rig.journal.all())
        .containsExactly(
            "env allocate group_device",
            "env link_member a 0",
            "env link_in_group 0 a",
            "event add g0 a");
    assertThat(group.snapshot().references()).isEqualTo(2);
    assertThat(group.snapshot().members()).hasSize(1);
    assertThat(group.snapshot().currentDomain()).isNull();
    assertThat(group.snapshot().members().get(0).dma()).isFalse();
    rig.core().removeFromGroup(rig.device("a"));
    assertThat(group.snapshot().references()).isEqualTo(1);
  }

  @Test // CORE-621
  void aDeviceWithAGroupAndAGroupWithADriverAreRefused() {
    IommuGroup served = rig.startWithGroup("a");
    IommuGroup plain = rig.core().allocGroup();
    rig.core().addToGroup(plain, rig.device("p"));
    rig.refusedUnchanged(Errno.EBUSY, () -> rig.core().addToGroup(plain, rig.device("a")));
    rig.refusedUnchanged(Errno.EBUSY, () -> rig.core().addToGroup(plain, rig.device("p")));
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.core().addToGroup(served, rig.device("q")));
    rig.core().removeFromGroup(rig.device("p"));
  }

  @Test // CORE-622
  void removalByName() {
    rig.core().removeFromGroup(rig.device("groupless"));
    assertThat(rig.tracer.messages).doesNotContain(CoreMessage.REMOVE_FROM_GROUP);
    rig.startWithGroup("a");
    rig.core().removeFromGroup(rig.device("a"));
    assertThat(rig.tracer.messages).contains(CoreMessage.REMOVE_FROM_GROUP);
    assertThat(rig.takeCalls()).containsExactly("release_device a", "free D1");
    assertThat(rig.core().group(rig.device("a"))).isEmpty();
  }

  @Test // CORE-623, CORE-804, CORE-805
  void plainGroupsHaveNoDomains() {
    IommuGroup group = rig.core().allocGroup();
    group.setName("vfio-noiommu");
    rig.core().addToGroup(group, rig.device("a"));
    assertThat(group.typeText()).isEqualTo("unknown");
    assertThat(group.reservedRegions()).isEmpty();
    assertThat(group.hasIsolatedMsi()).isTrue();
    assertThat(group.dmaOwnerClaimed()).isFalse();
    assertThat(rig.core().domainOf(rig.device("a"))).isNull();
    refused(Errno.EPROBE_DEFER, () -> rig.core().useDefaultDomain(rig.device("a")));
    refused(Errno.EPROBE_DEFER, () -> rig.core().bindDriver(rig.device("a"), false));
    rig.core().removeFromGroup(rig.device("a"));
  }

  @Test // CORE-627, CORE-006: release_device must not detach
  void releaseDeviceMustNotDetach() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.hooks.once("release_device", "a", () -> refused(Errno.EDEADLK, () -> group.detach(domain)));
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).contains("release_device a");
    group.detach(domain);
    domain.close();
  }

  @Test // CORE-626, CORE-622: removal of an API device is a real release
  void removingAnApiDeviceByNameIsARealRelease() {
    rig.driver.release = rig.driver.identity;
    rig.startWithGroup("a");
    rig.core().removeFromGroup(rig.device("a"));
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> identity (old D1)", "release_device a", "free D1");
  }

  @Test // CORE-611: a domain without free, in both pointers
  void domainsWithoutFreeJustGo() {
    rig.driver.domainOperations.remove(DomainOp.FREE);
    rig.startWithGroup("a");
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).containsExactly("release_device a");
    assertThat(rig.journal.starting("dma put_cookie")).isEmpty();
    assertThat(rig.dma.cookies).isEmpty();
  }
}
