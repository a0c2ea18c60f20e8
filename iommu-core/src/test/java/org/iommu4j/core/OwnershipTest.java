package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.nameOf;
import static org.iommu4j.fake.Rig.refused;

import java.util.List;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Drivers that use the DMA API, and owners that claim a group. */
final class OwnershipTest {
  @RegisterExtension final Rig rig = new Rig();

  private final DmaOwner x = new DmaOwner("X");
  private final DmaOwner y = new DmaOwner("Y");

  private void use(String name) {
    rig.core().useDefaultDomain(rig.device(name));
  }

  private void unuse(String name) {
    rig.core().unuseDefaultDomain(rig.device(name));
  }

  private int count() {
    return rig.state("a").ownerCount();
  }

  // ---- drivers ----

  @Test // CORE-300
  void aDeviceWithoutGroupIsFine() {
    rig.start();
    use("a");
    unuse("a");
    assertThat(rig.core().groups()).isEmpty();
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-301, CORE-623, CORE-928
  void aGroupWithoutDefaultDomainDefers() {
    IommuGroup plain = rig.core().allocGroup();
    rig.core().addToGroup(plain, rig.device("p"));
    rig.refusedUnchanged(Errno.EPROBE_DEFER, () -> use("p"));
    plain.put();
    rig.core().removeFromGroup(rig.device("p"));
  }

  @Test // CORE-302, CORE-306
  void driversAddUp() {
    IommuGroup group = rig.startWithGroup("a", "b");
    use("a");
    use("b");
    assertThat(count()).isEqualTo(2);
    assertThat(rig.state("a").owner()).isNull();
    rig.refusedUnchanged(Errno.EPERM, () -> group.claimDmaOwner(x));
    rig.refusedUnchanged(Errno.EPERM, () -> rig.dev("a").claimDmaOwner(x));
    unuse("a");
    rig.refusedUnchanged(Errno.EPERM, () -> group.claimDmaOwner(x));
    unuse("b");
    assertThat(count()).isZero();
    assertThat(rig.takeCalls()).isEmpty();
    group.claimDmaOwner(x);
    group.releaseDmaOwner();
  }

  @Test // CORE-302: an owner, another domain, or a PASID refuses further drivers
  void furtherDriversAreRefused() {
    rig.pci("a", builder -> builder.pasidLimit(16));
    IommuGroup group = rig.startWithGroup("a", "b");
    group.claimDmaOwner(x);
    rig.refusedUnchanged(Errno.EBUSY, () -> use("a"));
    group.releaseDmaOwner();
    use("a");
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 1, null);
    rig.refusedUnchanged(Errno.EBUSY, () -> use("b"));
    rig.dev("a").detachPasid(domain, 1);
    use("b");
    unuse("b");
    group.attach(domain);
    rig.refusedUnchanged(Errno.EBUSY, () -> use("b"));
    group.detach(domain);
    domain.close();
    unuse("a");
  }

  @Test // CORE-303
  void aFirstDriverIsNotAskedForAnything() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    use("a");
    assertThat(count()).isEqualTo(1);
    refused(Errno.EBUSY, () -> use("b"));
    unuse("a");
    group.detach(domain);
    domain.close();
  }

  @Test // CORE-304, CORE-1028
  void anUnbalancedUnuseChangesNothing() {
    rig.startWithGroup("a");
    unuse("a");
    assertThat(rig.takeViolations()).containsExactly("1028 unuse-unbalanced");
    assertThat(count()).isZero();
  }

  @Test // CORE-304, CORE-327: nor does one while a PASID or handle is attached
  void aHandleKeepsTheDriverOnTheCount() {
    IommuGroup group = rig.startWithGroup("a");
    use("a");
    PagingDomain domain = rig.domain("a");
    group.attachHandle(domain, new AttachHandle("h"));
    unuse("a");
    assertThat(rig.takeViolations()).containsExactly("1028 unuse-unbalanced");
    assertThat(count()).isEqualTo(1);
    group.detachHandle(domain);
    unuse("a");
    assertThat(count()).isZero();
    domain.close();
  }

  @Test // CORE-304: no domain is attached or detached
  void usingTouchesNoDomain() {
    rig.startWithGroup("a");
    use("a");
    unuse("a");
    assertThat(rig.journal.all()).isEmpty();
  }

  @Test // CORE-033, CORE-304: the two uses of the counter; an unbalanced unuse is not noticed
  void anUnuseOfAnOwnedGroupLowersTheClaims() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    unuse("a");
    assertThat(count()).isZero();
    assertThat(rig.state("a").owner()).isSameAs(x);
    group.releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
    rig.dev("a").releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
  }

  // ---- claims ----

  @Test // CORE-310, CORE-312, CORE-1029
  void anOwnerIsNeeded() {
    IommuGroup group = rig.startWithGroup("a");
    refused(Errno.EINVAL, () -> group.claimDmaOwner(null));
    assertThat(rig.takeViolations()).containsExactly("1029 null-owner");
    refused(Errno.EINVAL, () -> rig.dev("a").claimDmaOwner(null));
    assertThat(rig.takeViolations()).containsExactly("1029 null-owner");
    refused(Errno.EINVAL, () -> rig.core().claimDmaOwner(rig.device("groupless"), null));
    assertThat(rig.takeViolations()).containsExactly("1029 null-owner");
    refused(Errno.ENODEV, () -> rig.core().claimDmaOwner(rig.device("groupless"), x));
    assertThat(count()).isZero();
  }

  @Test // CORE-311: even the same owner
  void aSecondGroupClaimIsRefused() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    assertThat(rig.refusedUnchanged(Errno.EPERM, () -> group.claimDmaOwner(x)))
        .hasMessageContaining("X")
        .hasMessageContaining("group 0");
    rig.refusedUnchanged(Errno.EPERM, () -> group.claimDmaOwner(y));
    group.releaseDmaOwner();
  }

  @Test // CORE-313, CORE-314, CORE-323: appendix scenario 6
  void deviceClaimsOfOneTokenAddUp() {
    rig.startWithGroup("a", "b");
    rig.dev("a").claimDmaOwner(x);
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> blocked (old D1)", "attach b -> blocked (old D1)");
    rig.core().claimDmaOwner(rig.device("b"), x);
    assertThat(count()).isEqualTo(2);
    rig.refusedUnchanged(Errno.EPERM, () -> rig.dev("b").claimDmaOwner(y));
    rig.dev("a").releaseDmaOwner();
    assertThat(count()).isEqualTo(1);
    assertThat(rig.takeCalls()).isEmpty();
    rig.core().releaseDmaOwner(rig.device("b"));
    assertThat(count()).isZero();
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> D1[DMA] (old blocked)", "attach b -> D1[DMA] (old blocked)");
  }

  @Test // CORE-314: identity, not the label
  void tokensCompareByIdentity() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    rig.refusedUnchanged(Errno.EPERM, () -> rig.dev("a").claimDmaOwner(new DmaOwner("X")));
    rig.dev("a").claimDmaOwner(x);
    assertThat(count()).isEqualTo(2);
    group.releaseDmaOwner();
    assertThat(count()).isZero();
  }

  @Test // CORE-315: not on a consumer's domain, not with PASIDs or handles
  void aBusyGroupCannotBeClaimed() {
    rig.pci("a", builder -> builder.pasidLimit(16));
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.refusedUnchanged(Errno.EBUSY, () -> group.claimDmaOwner(x));
    group.detach(domain);
    rig.dev("a").attachPasid(domain, 1, null);
    assertThat(rig.refusedUnchanged(Errno.EBUSY, () -> group.claimDmaOwner(x)))
        .hasMessageContaining("PASIDs");
    rig.dev("a").detachPasid(domain, 1);
    group.claimDmaOwner(x);
    GroupSnapshot owned = group.snapshot();
    assertThat(owned.owner()).isSameAs(x);
    assertThat(owned.ownerCount()).isEqualTo(1);
    assertThat(owned.currentDomain()).isSameAs(rig.blocked());
    group.releaseDmaOwner();
    domain.close();
  }

  @Test // CORE-316: everybody is back, the blocking domain stays cached
  void aFailedClaimTakesEverybodyBack() {
    rig.driver.blocked = null;
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.hooks.fail("attach", "b", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> group.claimDmaOwner(x));
    assertThat(rig.takeCalls())
        .containsExactly(
            "alloc_paging a = D2",
            "attach a -> D2[UNMANAGED] (old D1)",
            "attach b -> D2[UNMANAGED] (old D1) = ENOSPC",
            "attach a -> D1[DMA] (old D2)");
    assertThat(count()).isZero();
    assertThat(nameOf(rig.state("a").blockingDomain())).isEqualTo("D2");
    group.claimDmaOwner(x);
    assertThat(rig.journal.starting("alloc")).isEmpty();
    group.releaseDmaOwner();
  }

  @Test // CORE-316, CORE-318
  void aBlockingDomainThatCannotBeMade() {
    rig.driver.blocked = null;
    IommuGroup group = rig.startWithGroup("a");
    rig.hooks.fail("alloc", "a", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.claimDmaOwner(x));
    assertThat(count()).isZero();
    assertThat(rig.state("a").blockingDomain()).isNull();
  }

  @Test // CORE-317, CORE-316, CORE-423: appendix scenario 8
  void aDirectDeviceKeepsOwnersAway() {
    rig.driver.regions.put("b", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    IommuGroup group = rig.startWithGroup("a", "b");
    refused(Errno.EINVAL, () -> group.claimDmaOwner(x));
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> blocked (old D1)", "attach a -> D1[DMA] (old blocked)");
    assertThat(rig.state("a").blockingDomain()).isSameAs(rig.blocked());
    assertThat(rig.state("a").currentDomain()).isSameAs(group.defaultDomain());
    assertThat(count()).isZero();
  }

  @Test // CORE-318, CORE-319, CORE-550
  void thePagingFallbackIsNotOfTypeBlocked() {
    rig.driver.blocked = null;
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    var blocking = rig.state("a").blockingDomain();
    assertThat(blocking).isInstanceOf(PagingDomain.class).isSameAs(rig.state("a").currentDomain());
    rig.journal.clear();
    assertThat(blocking).isNotNull();
    assertThat(blocking.iovaToPhys(0x1000)).isZero();
    assertThat(rig.journal.all()).containsExactly("?phys D2 0x1000");
    PagingDomain consumer = rig.domain("a");
    group.attach(consumer);
    group.detach(consumer);
    assertThat(rig.state("a").currentDomain()).isSameAs(blocking);
    consumer.close();
    group.releaseDmaOwner();
  }

  @Test // CORE-320, CORE-905, CORE-906
  void aFirstClaimWaitsForAResetButAFurtherOneDoesNot() {
    rig.pci("a", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.core().resetPrepare(rig.device("a"));
    rig.refusedUnchanged(Errno.EBUSY, () -> group.claimDmaOwner(x));
    rig.core().resetDone(rig.device("a"));
    rig.dev("a").claimDmaOwner(x);
    rig.core().resetPrepare(rig.device("a"));
    rig.dev("b").claimDmaOwner(x);
    assertThat(count()).isEqualTo(2);
    rig.core().resetDone(rig.device("a"));
    group.releaseDmaOwner();
  }

  // ---- releases ----

  @Test // CORE-321, CORE-1030
  void aReleaseWithoutAClaimIsAViolation() {
    IommuGroup group = rig.startWithGroup("a");
    group.releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
    use("a");
    group.releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
    assertThat(count()).isEqualTo(1);
    unuse("a");
    rig.dev("a").releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
  }

  @Test // CORE-321, CORE-327, CORE-412: appendix scenario 9
  void aReleaseWithAHandleIsAViolation() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    PagingDomain domain = rig.domain("a");
    group.attachHandle(domain, new AttachHandle("h"));
    rig.journal.clear();
    group.releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(count()).isEqualTo(1);
    group.detachHandle(domain);
    group.releaseDmaOwner();
    assertThat(count()).isZero();
    domain.close();
  }

  @Test // CORE-322: all claims at once
  void aGroupReleaseDropsAllClaims() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    rig.dev("a").claimDmaOwner(x);
    rig.dev("a").claimDmaOwner(x);
    assertThat(count()).isEqualTo(3);
    group.releaseDmaOwner();
    assertThat(count()).isZero();
    assertThat(rig.state("a").owner()).isNull();
  }

  @Test // CORE-323: without group ignored; above one only a decrement, whoever it is
  void aDeviceReleaseOnlyDecrements() {
    rig.startWithGroup("a", "b");
    rig.core().releaseDmaOwner(rig.device("groupless"));
    use("a");
    use("b");
    rig.dev("a").releaseDmaOwner();
    assertThat(count()).as("two drivers: decremented without a look at the owner").isEqualTo(1);
    rig.dev("a").releaseDmaOwner();
    assertThat(rig.takeViolations()).containsExactly("1030 release-refused");
    unuse("a");
  }

  @Test // CORE-324: appendix scenario 7
  void aReleaseLeavesAConsumersDomain() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    group.detach(domain);
    assertThat(rig.state("a").currentDomain()).isSameAs(rig.blocked());
    group.attach(domain);
    rig.journal.clear();
    group.releaseDmaOwner();
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old D2)");
    assertThat(rig.state("a").currentDomain()).isSameAs(group.defaultDomain());
    domain.map(0x1000, 0x2000, 0x1000, 3);
    domain.close();
  }

  @Test // CORE-324, CORE-1019: cleared even if the attach fails
  void aReleaseClearsTheOwnerEvenIfTheAttachFails() {
    IommuGroup group = rig.startWithGroup("a", "b");
    group.claimDmaOwner(x);
    rig.journal.clear();
    rig.hooks.fail("attach", "a", Errno.EIO);
    group.releaseDmaOwner();
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> D1[DMA] (old blocked) = EIO",
            "attach a -> blocked (old blocked)",
            "attach b -> D1[DMA] (old blocked)");
    assertThat(rig.takeViolations()).containsExactly("1019 restore-core-domain-failed");
    assertThat(count()).isZero();
    assertThat(rig.state("a").currentDomain()).isSameAs(group.defaultDomain());
  }

  @Test // CORE-325, CORE-906, CORE-910
  void aReleaseDuringAResetSkipsTheParkedMember() {
    rig.pci("a", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a", "b");
    group.claimDmaOwner(x);
    rig.core().resetPrepare(rig.device("a"));
    rig.journal.clear();
    group.releaseDmaOwner();
    assertThat(rig.takeCalls()).containsExactly("attach b -> D1[DMA] (old blocked)");
    assertThat(rig.state("a").currentDomain()).isSameAs(group.defaultDomain());
    rig.core().resetDone(rig.device("a"));
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old blocked)");
  }

  @Test // CORE-326
  void claimedMeansUsedByAnybody() {
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.dmaOwnerClaimed()).isFalse();
    use("a");
    assertThat(group.dmaOwnerClaimed()).isTrue();
    unuse("a");
    group.claimDmaOwner(x);
    assertThat(group.dmaOwnerClaimed()).isTrue();
    group.releaseDmaOwner();
    assertThat(group.dmaOwnerClaimed()).isFalse();
  }

  @Test // CORE-329, CORE-605, CORE-013
  void theLastMemberLeavingAnOwnedGroupIsAViolation() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(x);
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
    assertThat(rig.core().violationCount()).isEqualTo(1);
    assertThat(rig.core().violations().get(0).rule()).isEqualTo(1013);
    refused(Errno.ENODEV, group::releaseDmaOwner);
  }

  @ParameterizedTest // CORE-624
  @ValueSource(booleans = {true, false})
  void plainAndEmptyGroupsCannotBeClaimed(boolean empty) {
    IommuGroup plain = rig.core().allocGroup();
    if (!empty) {
      rig.core().addToGroup(plain, rig.device("p"));
    }
    rig.refusedUnchanged(Errno.EINVAL, () -> plain.claimDmaOwner(x));
    if (!empty) {
      rig.refusedUnchanged(Errno.EINVAL, () -> rig.core().claimDmaOwner(rig.device("p"), x));
      rig.core().removeFromGroup(rig.device("p"));
    }
  }
}
