package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Pasid;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Domains on single PASIDs, and the pool of PASIDs. */
final class PasidTest {
  @RegisterExtension final Rig rig = new Rig();

  private final AttachHandle one = new AttachHandle("h1");
  private final AttachHandle two = new AttachHandle("h2");

  /** A group of three: limits 16, none, 16. */
  private IommuGroup three() {
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.pci("c", builder -> builder.pasidLimit(16));
    return rig.startWithGroup("a", "b", "c");
  }

  @Test // CORE-442, CORE-448
  void aPasidCoversTheWholeGroup() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    rig.dev("a").attachPasid(domain, 5, one);
    assertThat(rig.takeCalls())
        .containsExactly("pasid a 5 -> D2 (old null)", "pasid c 5 -> D2 (old null)");
    rig.refusedUnchanged(Errno.EBUSY, () -> rig.dev("c").attachPasid(domain, 5, two));
    assertThat(group.handle(5, null)).isSameAs(one);
    rig.journal.clear();
    rig.dev("c").detachPasid(domain, 5);
    assertThat(rig.takeCalls())
        .containsExactly("pasid a 5 -> blocked (old D2)", "pasid c 5 -> blocked (old D2)");
    domain.close();
  }

  @Test // CORE-440: the order of the checks
  void theChecksHaveAnOrder() {
    rig.driver.domainOperations.remove(DomainOp.SET_DEV_PASID);
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.startWithGroup("a");
    PagingDomain plain = rig.domain("a");
    refused(Errno.ENODEV, () -> rig.core().attachPasid(rig.device("none"), plain, 0, null));
    rig.refusedUnchanged(Errno.EOPNOTSUPP, () -> rig.dev("a").attachPasid(plain, 0, null));
    rig.driver.domainOperations.add(DomainOp.SET_DEV_PASID);
    PagingDomain domain = rig.domain("a");
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").attachPasid(domain, 0, null));
    plain.close();
    domain.close();
  }

  @ParameterizedTest // CORE-440
  @ValueSource(booleans = {true, false})
  void pasidsMustBeBlockable(boolean withoutDomain) {
    if (withoutDomain) {
      rig.driver.blocked = null;
    } else {
      java.util.Objects.requireNonNull(rig.driver.blocked)
          .operations
          .remove(DomainOp.SET_DEV_PASID);
    }
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.refusedUnchanged(Errno.EOPNOTSUPP, () -> rig.dev("a").attachPasid(domain, 1, null));
    domain.close();
  }

  @Test // CORE-440, CORE-450: domains of another driver
  void alienDomainsDoNotFit() {
    FirmwareNode node = new FirmwareNode("alien");
    FakeDriver other = rig.newDriver("other");
    FakeInstance instance = new FakeInstance("i9", other, node);
    other.instances.add(instance);
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.startWithGroup("a");
    rig.core().register(instance);
    rig.pci("z", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.add("z");
    PagingDomain alien = rig.domain("z");
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").attachPasid(alien, 1, null));
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").replacePasid(alien, 1, one));
    alien.close();
  }

  @ParameterizedTest // CORE-441, CORE-012
  @ValueSource(ints = {16, 17, 1 << 20, Integer.MAX_VALUE, Integer.MIN_VALUE, Pasid.INVALID})
  void thePasidMustBeBelowEveryLimit(int pasid) {
    three();
    PagingDomain domain = rig.domain("a");
    assertThat(
            rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").attachPasid(domain, pasid, null)))
        .hasMessageContaining("0x" + Integer.toHexString(pasid));
    domain.close();
  }

  @Test // CORE-441: the smallest limit of the group counts
  void theSmallestLimitCounts() {
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.pci("b", builder -> builder.pasidLimit(4));
    rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").attachPasid(domain, 4, null));
    rig.dev("a").attachPasid(domain, 3, null);
    rig.dev("a").detachPasid(domain, 3);
    domain.close();
  }

  @Test // CORE-441, CORE-451, CORE-905
  void aResetFencesPasids() {
    rig.pci("a", builder -> builder.ats(true).pasidLimit(16));
    rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    rig.dev("a").attachPasid(domain, 2, one);
    rig.core().resetPrepare(rig.device("a"));
    rig.refusedUnchanged(Errno.EBUSY, () -> rig.dev("a").attachPasid(domain, 3, null));
    rig.refusedUnchanged(Errno.EBUSY, () -> rig.dev("a").replacePasid(other, 2, two));
    rig.core().resetDone(rig.device("a"));
    rig.dev("a").detachPasid(domain, 2);
    domain.close();
    other.close();
  }

  @Test // CORE-443
  void withoutSupportThePasidIsOccupiedAndNobodyIsCalled() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    rig.dev("a").attachPasid(domain, 7, null);
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(group.snapshot().pasids()).containsOnlyKeys(7);
    rig.refusedUnchanged(Errno.EBUSY, () -> rig.dev("a").attachPasid(domain, 7, null));
    rig.dev("a").detachPasid(domain, 7);
    domain.close();
  }

  @Test // CORE-444, CORE-445, CORE-446: appendix scenario 12
  void aRefusalBlocksTheEarlierMembers() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    rig.hooks.fail("pasid", "c", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> rig.dev("a").attachPasid(domain, 5, one));
    assertThat(rig.takeCalls())
        .containsExactly(
            "pasid a 5 -> D2 (old null)",
            "pasid c 5 -> D2 (old null) = ENOSPC",
            "pasid a 5 -> blocked (old D2)");
    assertThat(group.snapshot().pasids()).isEmpty();
    rig.dev("a").attachPasid(domain, 5, one);
    rig.dev("a").detachPasid(domain, 5);
    domain.close();
  }

  @Test // CORE-445: the entry becomes visible last; a null handle is allowed
  void theEntryBecomesVisibleLast() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    List<Errno> seen = new ArrayList<>();
    rig.hooks.on(
        "pasid", () -> seen.add(refused(Errno.ENOENT, () -> group.handle(5, null)).errno()));
    rig.dev("a").attachPasid(domain, 5, one);
    rig.hooks.clear();
    assertThat(seen).hasSize(2);
    assertThat(group.handle(5, null)).isSameAs(one);
    rig.dev("a").detachPasid(domain, 5);
    domain.close();
  }

  @Test // CORE-446, CORE-1031
  void aPasidThatCannotBeBlockedIsAViolation() {
    three();
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, null);
    rig.hooks.fail("pasid", "a", Errno.EIO);
    rig.dev("a").detachPasid(domain, 5);
    assertThat(rig.takeViolations()).containsExactly("1031 pasid-block-failed");
    assertThat(rig.state("a").pasids()).isEmpty();
    domain.close();
  }

  @Test // CORE-447: does not check what was attached; the given domain is passed on
  void detachChecksNothing() {
    three();
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, null);
    rig.journal.clear();
    rig.dev("b").detachPasid(other, 5);
    assertThat(rig.takeCalls())
        .containsExactly("pasid a 5 -> blocked (old D3)", "pasid c 5 -> blocked (old D3)");
    rig.dev("a").detachPasid(other, 9);
    assertThat(rig.takeCalls()).hasSize(2);
    refused(Errno.ENODEV, () -> rig.core().detachPasid(rig.device("none"), domain, 5));
    domain.close();
    other.close();
  }

  @Test // CORE-450
  void replaceHasItsOwnChecks() {
    rig.driver.domainOperations.remove(DomainOp.SET_DEV_PASID);
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.startWithGroup("a");
    PagingDomain plain = rig.domain("a");
    refused(Errno.ENODEV, () -> rig.core().replacePasid(rig.device("none"), plain, 0, null));
    rig.refusedUnchanged(Errno.EOPNOTSUPP, () -> rig.dev("a").replacePasid(plain, 0, null));
    rig.driver.domainOperations.add(DomainOp.SET_DEV_PASID);
    PagingDomain domain = rig.domain("a");
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").replacePasid(domain, 0, one));
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").replacePasid(domain, 1, null));
    plain.close();
    domain.close();
  }

  @Test // CORE-451
  void replaceNeedsSomethingAttached() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").replacePasid(domain, 5, one));
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").replacePasid(domain, 500, one));
    assertThat(group.snapshot().pasids()).isEmpty();
    domain.close();
  }

  @Test // CORE-452
  void replaceMovesEverySupportingMember() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, one);
    rig.journal.clear();
    rig.dev("c").replacePasid(other, 5, two);
    assertThat(rig.takeCalls())
        .containsExactly("pasid a 5 -> D3 (old D2)", "pasid c 5 -> D3 (old D2)");
    assertThat(group.handle(5, null)).isSameAs(two);
    domain.close();
    AttachHandle third = new AttachHandle("h3");
    rig.journal.clear();
    rig.dev("a").replacePasid(other, 5, third);
    assertThat(rig.takeCalls()).as("the same domain").isEmpty();
    assertThat(group.handle(5, null)).isSameAs(third);
    rig.dev("a").detachPasid(other, 5);
    other.close();
  }

  @Test // CORE-444, CORE-452: a failed replace sets the earlier members back
  void aFailedReplaceSetsTheEarlierMembersBack() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, one);
    rig.journal.clear();
    rig.hooks.fail("pasid", "c", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> rig.dev("a").replacePasid(other, 5, two));
    assertThat(rig.takeCalls())
        .containsExactly(
            "pasid a 5 -> D3 (old D2)",
            "pasid c 5 -> D3 (old D2) = ENOSPC",
            "pasid a 5 -> D2 (old D3)");
    assertThat(group.handle(5, null)).isSameAs(one);
    refused(Errno.EBUSY, domain::close);
    other.close();
    rig.dev("a").detachPasid(domain, 5);
    domain.close();
  }

  @Test // CORE-444, CORE-1031: and if even that fails, they are blocked
  void aMemberThatCannotGoBackIsBlocked() {
    three();
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, one);
    rig.journal.clear();
    rig.hooks.fail("pasid", "c", Errno.ENOSPC);
    rig.hooks.fail("pasid", "a", 1, Errno.EIO);
    refused(Errno.ENOSPC, () -> rig.dev("a").replacePasid(other, 5, two));
    assertThat(rig.takeCalls())
        .containsExactly(
            "pasid a 5 -> D3 (old D2)",
            "pasid c 5 -> D3 (old D2) = ENOSPC",
            "pasid a 5 -> D2 (old D3) = EIO",
            "pasid a 5 -> blocked (old D3)");
    assertThat(rig.takeViolations()).containsExactly("1031 pasid-restore-failed");
    rig.dev("a").detachPasid(domain, 5);
  }

  @Test // CORE-455, CORE-1033
  void theStoredHandleIsRefused() {
    three();
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, one);
    refused(Errno.EINVAL, () -> rig.dev("a").replacePasid(domain, 5, one));
    assertThat(rig.takeViolations()).containsExactly("1033 same-handle");
    rig.dev("a").detachPasid(domain, 5);
    domain.close();
  }

  @Test // CORE-455, errata: with another domain the handle already names it
  void theStoredHandleWithAnotherDomainHasMovedAlready() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    PagingDomain other = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, one);
    rig.journal.clear();
    refused(Errno.EINVAL, () -> rig.dev("a").replacePasid(other, 5, one));
    assertThat(rig.takeViolations()).containsExactly("1033 same-handle");
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(one.domain()).isSameAs(other);
    assertThat(group.handle(5, null)).isSameAs(one);
    // The use is still counted on the domain that is really attached.
    refused(Errno.EBUSY, domain::close);
    other.close();
    rig.dev("a").detachPasid(domain, 5);
    domain.close();
  }

  @Test // CORE-456, CORE-012
  void thePoolHandsOutTheLowestFreeValue() {
    rig.pci("a", builder -> builder.pasidLimit(4));
    rig.pci("one", builder -> builder.pasidLimit(1));
    rig.start();
    rig.add("a", "b", "one");
    assertThat(rig.core().allocGlobalPasid(rig.device("a"))).isEqualTo(Pasid.FIRST_GLOBAL);
    assertThat(rig.core().allocGlobalPasid(rig.device("a"))).isEqualTo(2);
    assertThat(rig.core().allocGlobalPasid(rig.device("a"))).isEqualTo(3);
    assertThat(rig.core().allocGlobalPasid(rig.device("a"))).isEqualTo(Pasid.INVALID);
    rig.core().freeGlobalPasid(2);
    assertThat(rig.core().allocGlobalPasid(rig.device("a"))).isEqualTo(2);
    assertThat(rig.core().allocGlobalPasid(rig.device("b"))).isEqualTo(Pasid.INVALID);
    assertThat(rig.core().allocGlobalPasid(rig.device("one"))).isEqualTo(Pasid.INVALID);
    assertThat(rig.core().allocGlobalPasid(rig.device("unprobed"))).isEqualTo(Pasid.INVALID);
    assertThat(Pasid.INVALID).isEqualTo(0xffff_ffff);
    assertThat(Pasid.NONE).isZero();
  }

  @Test // CORE-457, CORE-1034
  void theInvalidValueCannotBeFreed() {
    rig.core().freeGlobalPasid(Pasid.INVALID);
    assertThat(rig.takeViolations()).containsExactly("1034 invalid-pasid");
    rig.core().freeGlobalPasid(9);
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-458: entries are tagged; the domain of an entry is found either way
  void entriesAreTagged() {
    IommuGroup group = three();
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 1, null);
    rig.dev("a").attachPasid(domain, 2, one);
    assertThat(entry(group, 1).handle()).isNull();
    assertThat(entry(group, 2).handle()).isSameAs(one);
    for (int pasid : List.of(1, 2)) {
      Domain attached = entry(group, pasid).domain();
      assertThat(attached).isSameAs(domain);
      rig.dev("a").detachPasid(domain, pasid);
    }
    domain.close();
  }

  private static GroupSnapshot.PasidEntry entry(IommuGroup group, int pasid) {
    return Objects.requireNonNull(group.snapshot().pasids().get(pasid));
  }
}
