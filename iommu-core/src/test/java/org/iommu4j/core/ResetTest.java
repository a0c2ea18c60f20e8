package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The reset fence: parking a member and bringing it back. */
final class ResetTest {
  @RegisterExtension final Rig rig = new Rig();

  @BeforeEach
  void devices() {
    rig.pci("a", builder -> builder.ats(true).pasidLimit(16));
    rig.pci("b", builder -> builder.ats(true).pasidLimit(16));
  }

  private void prepare(String name) {
    rig.core().resetPrepare(rig.device(name));
  }

  private void done(String name) {
    rig.core().resetDone(rig.device(name));
  }

  private GroupSnapshot.Member member(int index) {
    return rig.state("a").members().get(index);
  }

  @Test // CORE-900: only PCI devices with ATS and an IOMMU
  void othersAreLeftAlone() {
    rig.startWithGroup("a", "plain");
    var platform = PlatformDevice.builder("platform").build();
    rig.core().probeDevice(platform);
    rig.journal.clear();
    rig.core().resetPrepare(rig.device("plain"));
    rig.core().resetPrepare(platform);
    rig.core().resetPrepare(rig.device("unprobed"));
    rig.dev("plain").resetPrepare();
    rig.core().resetDone(rig.device("plain"));
    rig.core().resetDone(platform);
    rig.core().resetDone(rig.device("unprobed"));
    rig.dev("plain").resetDone();
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(rig.takeViolations()).isEmpty();
    assertThat(rig.state("a").recoveryCount()).isZero();
  }

  @Test // CORE-902, CORE-903, CORE-034
  void theMemberAloneGoesToTheBlockingDomain() {
    IommuGroup group = rig.startWithGroup("a", "b");
    prepare("a");
    assertThat(rig.takeCalls()).containsExactly("attach a -> blocked (old D1)");
    assertThat(member(0).blocked()).isTrue();
    assertThat(member(0).resetDepth()).isEqualTo(1);
    assertThat(member(1).blocked()).isFalse();
    assertThat(group.snapshot().recoveryCount()).isEqualTo(1);
    assertThat(group.snapshot().currentDomain()).isSameAs(group.defaultDomain());
    done("a");
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old blocked)");
    assertThat(member(0).blocked()).isFalse();
    assertThat(group.snapshot().recoveryCount()).isZero();
  }

  @Test // CORE-901, CORE-908, CORE-913: resets nest
  void resetsNest() {
    rig.startWithGroup("a", "b");
    prepare("a");
    rig.journal.clear();
    prepare("a");
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(member(0).resetDepth()).isEqualTo(2);
    done("a");
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(member(0).blocked()).isTrue();
    done("a");
    assertThat(member(0).blocked()).isFalse();
    assertThat(member(0).resetDepth()).isZero();
  }

  @Test // CORE-902, CORE-912: a failed prepare leaves nothing to be undone
  void aFailedPrepareLeavesNothing() {
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.hooks.fail("attach", "a", Errno.EIO);
    refused(Errno.EIO, () -> prepare("a"));
    assertThat(member(0).resetDepth()).isZero();
    assertThat(group.snapshot().recoveryCount()).isZero();
    assertThat(group.snapshot().blockingDomain()).as("stays cached").isSameAs(rig.blocked());
    assertThat(group.snapshot().currentDomain()).isSameAs(group.defaultDomain());
  }

  @Test // CORE-902, CORE-318: no blocking domain
  void aPrepareWithoutABlockingDomain() {
    rig.driver.blocked = null;
    rig.startWithGroup("a");
    rig.hooks.fail("alloc", "a", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> prepare("a"));
    assertThat(member(0).resetDepth()).isZero();
    prepare("a");
    assertThat(rig.takeCalls())
        .endsWith("alloc_paging a = D2", "attach a -> D2[UNMANAGED] (old D1)");
    done("a");
  }

  @Test // CORE-902, CORE-910: on the blocking domain already, nothing is attached either way
  void aBlockedGroupNeedsNoAttach() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(new DmaOwner("vmm"));
    rig.journal.clear();
    prepare("a");
    done("a");
    assertThat(rig.takeCalls()).isEmpty();
    group.releaseDmaOwner();
  }

  @Test // CORE-903, CORE-911: PASIDs are blocked after the flag is set; the table keeps them
  void pasidsAreBlockedAfterTheFlagIsSet() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 3, null);
    rig.dev("a").attachPasid(domain, 7, new AttachHandle("h"));
    List<Domain> seen = new ArrayList<>();
    rig.hooks.on("pasid", () -> seen.add(Objects.requireNonNull(rig.dev("a").driverDomain())));
    rig.journal.clear();
    prepare("a");
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> blocked (old D1)",
            "pasid a 3 -> blocked (old D2)",
            "pasid a 7 -> blocked (old D2)");
    assertThat(seen).containsExactly(rig.blocked(), rig.blocked());
    assertThat(group.snapshot().pasids()).containsOnlyKeys(3, 7);
    rig.hooks.clear();
    done("a");
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> D1[DMA] (old blocked)",
            "pasid a 3 -> D2 (old blocked)",
            "pasid a 7 -> D2 (old blocked)");
    rig.dev("a").detachPasid(domain, 3);
    rig.dev("a").detachPasid(domain, 7);
    domain.close();
  }

  @Test // CORE-904, CORE-423
  void aDirectDeviceIsBlockedDuringItsReset() {
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    rig.startWithGroup("a");
    prepare("a");
    assertThat(rig.takeCalls()).containsExactly("attach a -> blocked (old D1)");
    assertThat(rig.tracer.messages).doesNotContain(CoreMessage.DIRECT_REQUIRED);
    done("a");
  }

  @Test // CORE-905, CORE-421
  void theFenceStopsChanges() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    prepare("a");
    rig.refusedUnchanged(Errno.EBUSY, () -> group.attach(domain));
    rig.refusedUnchanged(Errno.EBUSY, () -> group.attachHandle(domain, new AttachHandle("h")));
    rig.refusedUnchanged(Errno.EBUSY, () -> group.claimDmaOwner(new DmaOwner("x")));
    rig.refusedUnchanged(Errno.EBUSY, () -> rig.dev("b").attachPasid(domain, 1, null));
    rig.refusedUnchanged(
        Errno.EBUSY, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    group.attach(Objects.requireNonNull(group.defaultDomain()));
    done("a");
    domain.close();
  }

  @Test // CORE-906: what passes the fence
  void whatPassesTheFence() {
    IommuGroup group = rig.startWithGroup("a", "b");
    DmaOwner vmm = new DmaOwner("vmm");
    rig.dev("a").claimDmaOwner(vmm);
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.dev("a").attachPasid(domain, 1, null);
    prepare("a");
    rig.dev("b").claimDmaOwner(vmm);
    rig.dev("b").releaseDmaOwner();
    rig.sharing("shared", "c");
    rig.add("c");
    rig.dev("b").detachPasid(domain, 1);
    group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ);
    group.detach(domain);
    group.releaseDmaOwner();
    assertThat(group.snapshot().currentDomain()).isSameAs(group.defaultDomain());
    rig.journal.clear();
    done("a");
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA_FQ] (old blocked)");
    domain.close();
  }

  @Test // CORE-907
  void aPasidDetachedDuringAResetIsNotDetachedTwice() {
    rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 1, null);
    prepare("a");
    rig.journal.clear();
    rig.dev("a").detachPasid(domain, 1);
    assertThat(rig.takeCalls()).containsExactly("pasid b 1 -> blocked (old D2)");
    done("a");
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old blocked)");
    domain.close();
  }

  @Test // CORE-908, CORE-912, CORE-1035
  void anUnbalancedDoneIsAViolation() {
    rig.startWithGroup("a");
    done("a");
    assertThat(rig.takeViolations()).containsExactly("1035 unbalanced-done");
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(member(0).resetDepth()).isZero();
  }

  @Test // CORE-909
  void aSharedRequesterIdIsWarnedAbout() {
    rig.pci("x", builder -> builder.ats(true).alias(aliasOf("a")));
    rig.startWithGroup("a", "b", "x");
    prepare("a");
    prepare("b");
    done("b");
    assertThat(rig.tracer.messages).doesNotContain(CoreMessage.DMA_ALIAS_BLOCKED);
    prepare("x");
    done("a");
    assertThat(rig.tracer.messages).contains(CoreMessage.DMA_ALIAS_BLOCKED);
    assertThat(member(0).blocked()).isFalse();
    done("x");
  }

  private int aliasOf(String name) {
    return ((org.iommu4j.api.PciDevice) rig.device(name)).devfn();
  }

  @Test // CORE-910, CORE-906: appendix scenario 13
  void theMemberGoesToWhereItsGroupIsThen() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    prepare("a");
    refused(Errno.EBUSY, () -> group.attach(other));
    group.detach(domain);
    done("a");
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> blocked (old D2)",
            "attach b -> D1[DMA] (old D2)",
            "attach a -> D1[DMA] (old blocked)");
    domain.close();
    other.close();
  }

  @Test // CORE-910: appendix scenario 13, owned
  void inAnOwnedGroupDoneHasNothingToAttach() {
    IommuGroup group = rig.startWithGroup("a", "b");
    group.claimDmaOwner(new DmaOwner("vmm"));
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    prepare("a");
    group.detach(domain);
    done("a");
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> blocked (old D2)", "attach b -> blocked (old D2)");
    group.releaseDmaOwner();
    domain.close();
  }

  @Test // CORE-910, CORE-1035: failures of the way back
  void failuresOfTheWayBackAreViolations() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 1, null);
    prepare("a");
    rig.hooks.fail("attach", "a", Errno.EIO);
    rig.hooks.fail("pasid", "a", Errno.EIO);
    done("a");
    assertThat(rig.takeViolations())
        .containsExactly("1035 reattach-failed", "1035 pasid-reattach-failed");
    assertThat(group.snapshot().recoveryCount()).isZero();
    assertThat(member(0).blocked()).isFalse();
    rig.dev("a").detachPasid(domain, 1);
    domain.close();
  }

  @Test // CORE-903, CORE-1031: a PASID that cannot be blocked
  void aPasidThatCannotBeBlocked() {
    rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 1, null);
    rig.hooks.fail("pasid", "a", Errno.EIO);
    prepare("a");
    assertThat(rig.takeViolations()).containsExactly("1031 pasid-block-failed");
    assertThat(member(0).blocked()).isTrue();
    done("a");
    rig.dev("a").detachPasid(domain, 1);
    domain.close();
  }

  @Test // CORE-014, CORE-911: what the driver sees while parked
  void aParkedMembersDomainIsTheBlockingOne() {
    IommuGroup group = rig.startWithGroup("a", "b");
    prepare("a");
    List<Domain> seen = new ArrayList<>();
    group.<Object>forEachDevice(
        device -> {
          seen.add(
              Objects.requireNonNull(rig.core().deviceOf(device).orElseThrow().driverDomain()));
          return null;
        });
    assertThat(seen).containsExactly(rig.blocked(), group.defaultDomain());
    assertThat(rig.core().domainOf(rig.device("a"))).isSameAs(group.defaultDomain());
    done("a");
  }

  @Test // CORE-901, CORE-1022: a device that left its group
  void aDeviceThatLeftCannotBeParked() {
    rig.startWithGroup("a", "b");
    var left = rig.dev("a");
    rig.core().releaseDevice(rig.device("a"));
    refused(Errno.ENODEV, left::resetPrepare);
    refused(Errno.ENODEV, left::resetDone);
  }

  @Test // CORE-908, CORE-035: the end is idempotent for the group
  void twoParkedMembersAreCounted() {
    IommuGroup group = rig.startWithGroup("a", "b");
    prepare("a");
    prepare("b");
    assertThat(group.snapshot().recoveryCount()).isEqualTo(2);
    done("a");
    refused(Errno.EBUSY, () -> group.claimDmaOwner(new DmaOwner("x")));
    done("b");
    assertThat(group.snapshot().recoveryCount()).isZero();
  }
}
