package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot.PasidEntry;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Attaching with handles: index 0 of the PASID table. */
final class HandleTest {
  @RegisterExtension final Rig rig = new Rig();

  private final AttachHandle one = new AttachHandle("h1");
  private final AttachHandle two = new AttachHandle("h2");

  @Test // CORE-410, CORE-411, CORE-458
  void aHandleIsStoredAtIndexZero() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    group.attachHandle(domain, one);
    assertThat(one.domain()).isSameAs(domain);
    assertThat(group.handle(0, null)).isSameAs(one);
    assertThat(group.snapshot().pasids())
        .containsOnly(java.util.Map.entry(0, new PasidEntry(one, domain)));
    assertThat(group.snapshot().currentDomain()).isSameAs(domain);
    group.detachHandle(domain);
    assertThat(group.snapshot().pasids()).isEmpty();
    domain.close();
  }

  @Test // CORE-411
  void aHandleIsNeeded() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.refusedUnchanged(Errno.EINVAL, () -> group.attachHandle(domain, null));
    domain.close();
  }

  @Test // CORE-411: an occupied index; the rejected handle has learnt its domain all the same
  void aSecondHandleIsRefused() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    group.attachHandle(domain, one);
    rig.refusedUnchanged(Errno.EBUSY, () -> group.attachHandle(other, two));
    assertThat(two.domain()).as("CORE-410").isSameAs(other);
    group.detachHandle(domain);
    domain.close();
    other.close();
  }

  @Test // CORE-410, CORE-411: the entry becomes visible only after the attach
  void aFaultNeverFindsAHalfAttachedDomain() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    List<Object> seen = new ArrayList<>();
    rig.hooks.once(
        "attach",
        "a",
        () -> {
          seen.add(refused(Errno.ENOENT, () -> group.handle(0, null)).errno());
          seen.add(one.domain());
        });
    group.attachHandle(domain, one);
    assertThat(seen).containsExactly(Errno.ENOENT, domain);
    group.detachHandle(domain);
    domain.close();
  }

  @Test // CORE-411: a failure withdraws the reservation
  void aFailedAttachLeavesTheIndexFree() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.hooks.fail("attach", "a", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.attachHandle(domain, one));
    assertThat(group.snapshot().pasids()).isEmpty();
    assertThat(one.domain()).isSameAs(domain);
    group.attachHandle(domain, two);
    group.detachHandle(domain);
    domain.close();
  }

  @Test // CORE-411, CORE-402: the checks of an attach apply
  void theChecksOfAnAttachApply() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.refusedUnchanged(Errno.EBUSY, () -> group.attachHandle(domain, one));
    assertThat(group.snapshot().pasids()).isEmpty();
    group.detach(domain);
    domain.close();
  }

  @Test // CORE-412: the core domain first, then the index; the argument is ignored
  void detachRestoresTheCoreDomainFirst() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(new DmaOwner("vmm"));
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    group.attachHandle(domain, one);
    rig.hooks.once("attach", "a", () -> assertThat(group.handle(0, null)).isSameAs(one));
    rig.journal.clear();
    group.detachHandle(other);
    assertThat(rig.takeCalls()).containsExactly("attach a -> blocked (old D2)");
    refused(Errno.ENOENT, () -> group.handle(0, null));
    group.detachHandle(domain);
    assertThat(rig.takeViolations()).as("an empty index is harmless").isEmpty();
    group.releaseDmaOwner();
    domain.close();
    other.close();
  }

  @Test // CORE-413, CORE-929
  void replaceSwapsDomainAndHandle() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    group.attachHandle(domain, one);
    rig.journal.clear();
    group.replaceHandle(other, two);
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> D3[UNMANAGED] (old D2)", "attach b -> D3[UNMANAGED] (old D2)");
    assertThat(group.handle(0, null)).isSameAs(two);
    domain.close();
    group.detachHandle(other);
    other.close();
  }

  @Test // CORE-413
  void replaceNeedsDomainAndHandle() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.refusedUnchanged(Errno.EINVAL, () -> group.replaceHandle(null, one));
    rig.refusedUnchanged(Errno.EINVAL, () -> group.replaceHandle(domain, null));
    domain.close();
  }

  @Test // CORE-413: on failure the old domain and handle stay, an empty reservation goes
  void aFailedReplaceLeavesBothAsTheyWere() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    rig.hooks.fail("attach", "b", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> group.replaceHandle(other, two));
    assertThat(group.snapshot().pasids()).isEmpty();
    group.attachHandle(domain, one);
    rig.hooks.fail("attach", "b", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> group.replaceHandle(other, two));
    assertThat(group.handle(0, null)).isSameAs(one);
    assertThat(group.snapshot().currentDomain()).isSameAs(domain);
    group.detachHandle(domain);
    domain.close();
    other.close();
  }

  @Test // CORE-414: neither busy nor ownership matters; from the default it is an attach
  void replaceWorksFromAnywhere() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.replaceHandle(domain, one);
    assertThat(group.handle(0, null)).isSameAs(one);
    rig.journal.clear();
    group.replaceHandle(domain, two);
    assertThat(rig.takeCalls()).as("by itself: no driver").isEmpty();
    assertThat(group.handle(0, null)).isSameAs(two);
    group.detachHandle(domain);
    group.claimDmaOwner(new DmaOwner("vmm"));
    group.replaceHandle(domain, one);
    group.detachHandle(domain);
    group.releaseDmaOwner();
    domain.close();
  }

  @Test // CORE-905
  void replaceIsFencedByAReset() {
    rig.pci("a", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.core().resetPrepare(rig.device("a"));
    rig.refusedUnchanged(Errno.EBUSY, () -> group.replaceHandle(domain, one));
    rig.refusedUnchanged(Errno.EBUSY, () -> group.attachHandle(domain, one));
    rig.core().resetDone(rig.device("a"));
    domain.close();
  }

  @Test // CORE-415
  void lookUpTellsWhyThereIsNone() {
    rig.pci("a", builder -> builder.pasidLimit(16));
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    assertThat(refused(Errno.ENOENT, () -> group.handle(0x1f, null))).hasMessageContaining("0x1f");
    rig.dev("a").attachPasid(domain, 3, null);
    refused(Errno.ENOENT, () -> group.handle(3, null));
    rig.dev("a").attachPasid(domain, 4, one);
    assertThat(group.handle(4, DomainType.UNMANAGED)).isSameAs(one);
    assertThat(group.handle(4, DomainType.BLOCKED)).as("type 0 asks for none").isSameAs(one);
    refused(Errno.EBUSY, () -> group.handle(4, DomainType.SVA));
    rig.dev("a").detachPasid(domain, 3);
    rig.dev("a").detachPasid(domain, 4);
    domain.close();
  }

  @Test // CORE-415: needs no group lock
  void lookUpTakesNoGroupLock() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.attachHandle(domain, one);
    AttachHandle found = group.forEachDevice(device -> group.handle(0, null));
    assertThat(found).isSameAs(one);
    group.detachHandle(domain);
    domain.close();
  }

  @Test // CORE-416: fresh handles; a used one may come back, but faults would see it move
  void aHandleMovesWithEveryAttempt() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    group.attachHandle(domain, one);
    group.detachHandle(domain);
    group.attachHandle(other, one);
    assertThat(one.domain()).isSameAs(other);
    group.detachHandle(other);
    domain.close();
    other.close();
  }
}
