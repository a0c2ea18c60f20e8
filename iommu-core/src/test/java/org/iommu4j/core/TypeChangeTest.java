package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.same;
import static org.mockito.Mockito.inOrder;
import static org.mockito.Mockito.spy;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Caller;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.FakeStatic;
import org.iommu4j.fake.Hooks;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.mockito.InOrder;

/** Changing the default domain: who may, what happens in which order, and what is undone. */
final class TypeChangeTest {
  @RegisterExtension final Rig rig = new Rig();

  @ParameterizedTest // CORE-200
  @CsvSource({"true,false", "false,true", "false,false"})
  void bothCapabilitiesAreNeededBeforeAnythingIsLookedAt(boolean sysAdmin, boolean rawIo) {
    IommuGroup group = rig.startWithGroup("a");
    rig.refusedUnchanged(
        Errno.EACCES, () -> group.writeType("nonsense", new Caller(sysAdmin, rawIo)));
  }

  @ParameterizedTest // CORE-202, CORE-806
  @ValueSource(
      strings = {
        "",
        "\n",
        "blocked",
        "unmanaged",
        "unknown",
        "dma",
        "Identity",
        "IDENTITY",
        " DMA",
        "DMA ",
        "DMA\n\n",
        "DMA_FQ",
        "dma-fq",
        "AUTO",
        "DMA\r\n",
        "platform",
        "0"
      })
  void otherTextsAreRefused(String text) {
    IommuGroup group = rig.startWithGroup("a");
    assertThat(rig.refusedUnchanged(Errno.EINVAL, () -> group.writeType(text, Caller.ROOT)))
        .hasMessageContaining("'" + text + "'");
  }

  @ParameterizedTest // CORE-202, CORE-207
  @ValueSource(strings = {"identity", "DMA", "DMA-FQ", "auto"})
  void oneTrailingNewlineIsFine(String text) {
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.writeType(text + "\n", Caller.ROOT)).isEqualTo(text.length() + 1);
    assertThat(group.typeText()).isEqualTo(text.equals("auto") ? "DMA" : text);
  }

  @Test // CORE-201, CORE-209: no default domain comes before the text
  void withoutDefaultDomainTheTextDoesNotMatter() {
    IommuGroup group = rig.core().allocGroup();
    assertThat(rig.refusedUnchanged(Errno.EINVAL, () -> group.writeType("nonsense", Caller.ROOT)))
        .hasMessageContaining("no default domain");
  }

  @Test // CORE-203: the checks are made again under the lock
  void theDefaultDomainIsTestedAgainUnderTheLock() throws InterruptedException {
    IommuGroup group = rig.startWithGroup("a");
    group.ref();
    AtomicReference<String> outcome = new AtomicReference<>("none");
    Thread writer =
        new Thread(
            () -> {
              try {
                group.writeType("identity", Caller.ROOT);
                outcome.set("changed");
              } catch (IommuException refused) {
                outcome.set(refused.errno().name());
              }
            });
    // The last member is leaving: it is off the list, the domains are still there.
    rig.hooks.once("release_device", "a", () -> Rig.startUntilBlocked(writer));
    rig.core().releaseDevice(rig.device("a"));
    writer.join();
    assertThat(outcome).hasValue("EPERM");
    refused(Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
  }

  @Test // CORE-204, CORE-207: one section of the group lock, no finalisation
  void theWholeChangeIsOneSection() {
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.showLocks();
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.journal.all()).isNotEmpty().allMatch(line -> line.endsWith(" @G"));
    assertThat(rig.journal.starting("probe_finalize")).isEmpty();
  }

  @Test // CORE-205, CORE-306
  void oneBoundDriverOfSeveralBlocksTheChange() {
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.core().bindDriver(rig.device("b"), false);
    assertThat(
            rig.refusedUnchanged(
                Errno.EPERM, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY)))
        .hasMessageContaining("group 0")
        .hasMessageContaining("identity")
        .hasMessageContaining("InUse");
    rig.core().unbindDriver(rig.device("b"));
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
  }

  @Test // CORE-206
  void aManagingDriverDoesNotBlockTheChange() {
    IommuGroup group = rig.startWithGroup("a");
    rig.core().bindDriver(rig.device("a"), true);
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    rig.core().unbindDriver(rig.device("a"));
  }

  @Test // CORE-207, CORE-179: a failure to refresh is only logged
  void aFailedRefreshDoesNotFailTheChange() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.hooks.fail("dma.setup", "a", Errno.EFAULT);
    assertThat(group.writeType("DMA", Caller.ROOT)).isEqualTo(3);
    assertThat(group.snapshot().members())
        .extracting(GroupSnapshot.Member::dma)
        .containsExactly(false, true);
  }

  @Test // CORE-208: the number of members is irrelevant
  void everyMemberChangesOrNone() {
    String[] names = {"a", "b", "c", "d", "e", "f", "g"};
    IommuGroup group = rig.startWithGroup(names);
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.journal.starting("attach")).hasSize(names.length);
    rig.journal.clear();
    rig.hooks.fail("attach", "g", Errno.EBUSY);
    refused(Errno.EBUSY, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    assertThat(rig.journal.starting("attach")).hasSize(2 * names.length - 1);
    assertThat(group.typeText()).isEqualTo("identity");
  }

  @Test // CORE-209: the order of refusals
  void refusalsHaveAnOrder() {
    rig.pci("a", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a");
    rig.hooks.failAlways("attach", "a", Errno.EXDEV);
    rig.driver.wishes.put("a", DomainType.DMA);
    rig.core().bindDriver(rig.device("a"), false);
    // text before use
    refused(Errno.EINVAL, () -> group.writeType("x", Caller.ROOT));
    // the live switch before use
    group.writeType("DMA-FQ", Caller.ROOT);
    // use before a refused type
    refused(Errno.EPERM, () -> group.writeType("identity", Caller.ROOT));
    rig.core().unbindDriver(rig.device("a"));
    refused(Errno.EINVAL, () -> group.writeType("identity", Caller.ROOT));
    rig.driver.wishes.clear();
    // allocation before cookie
    rig.hooks.fail("alloc", "a", Errno.ENOSPC);
    rig.hooks.fail("dma.get_cookie", Hooks.ANY, Errno.ENOMEM);
    refused(Errno.ENOSPC, () -> group.writeType("DMA", Caller.ROOT));
    // cookie before the attach
    refused(Errno.ENOMEM, () -> group.writeType("DMA", Caller.ROOT));
    refused(Errno.EXDEV, () -> group.writeType("DMA", Caller.ROOT));
  }

  @Test // CORE-209, CORE-230: the reset fence comes after the cookie, before the attach
  void theResetFenceComesAfterTheCookie() {
    rig.pci("a", builder -> builder.ats(true));
    rig.boot = BootParameters.NONE.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.core().resetPrepare(rig.device("a"));
    GroupSnapshot before = group.snapshot();
    rig.journal.clear();
    refused(Errno.EBUSY, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    assertThat(rig.journal.all())
        .containsSubsequence("alloc_paging a = D1", "dma get_cookie D1", "free D1");
    assertThat(rig.journal.starting("attach")).isEmpty();
    assertThat(group.snapshot()).isEqualTo(before);
    rig.core().resetDone(rig.device("a"));
  }

  // ---- live ----

  @Test // CORE-210, CORE-213: the queue first, then the type
  void theLiveSwitchStartsTheQueueAndThenChangesTheType() {
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.core().bindDriver(rig.device("a"), false);
    Domain before = group.defaultDomain();
    rig.hooks.on(
        "dma.start_flush_queue",
        () -> assertThat(group.defaultDomain()).extracting(Domain::type).isEqualTo(DomainType.DMA));
    rig.journal.clear();
    group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ);
    assertThat(rig.journal.all()).containsExactly("dma start_flush_queue D1");
    assertThat(group.defaultDomain()).isSameAs(before);
    assertThat(before).isNotNull();
    assertThat(before.type()).isEqualTo(DomainType.DMA_FQ);
    rig.core().unbindDriver(rig.device("a"));
  }

  @Test // CORE-211, CORE-906: also while owned, on another domain, during a reset, or empty-handed
  void theLiveSwitchTestsNothingElse() {
    rig.pci("a", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(new DmaOwner("vmm"));
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.core().resetPrepare(rig.device("a"));
    group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ);
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
    assertThat(group.snapshot().currentDomain()).isSameAs(domain);
    rig.core().resetDone(rig.device("a"));
    group.detach(domain);
    domain.close();
    group.releaseDmaOwner();
    assertThat(rig.takeCalls()).endsWith("attach a -> D1[DMA_FQ] (old blocked)");
  }

  @Test // CORE-213
  void aQueueThatCannotBeMadeLeavesTheTypeStrict() {
    IommuGroup group = rig.startWithGroup("a");
    rig.hooks.fail("dma.start_flush_queue", Hooks.ANY, Errno.ENOMEM);
    rig.refusedUnchanged(
        Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ));
    assertThat(group.typeText()).isEqualTo("DMA");
    group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ);
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
  }

  @Test // CORE-214: the reverse is not live
  void lazyToStrictAllocatesANewDomain() {
    rig.boot = BootParameters.NONE;
    IommuGroup group = rig.startWithGroup("a");
    rig.core().bindDriver(rig.device("a"), false);
    rig.refusedUnchanged(Errno.EPERM, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    rig.core().unbindDriver(rig.device("a"));
    rig.journal.clear();
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.takeCalls())
        .containsExactly("alloc_paging a = D2", "attach a -> D2[DMA] (old D1)", "free D1");
  }

  // ---- the full change ----

  @Test // CORE-221: recomputed from the present members
  void autoIsRecomputedFromThePresentMembers() {
    rig.driver.wishes.put("b", DomainType.IDENTITY);
    IommuGroup group = rig.startWithGroup("a", "b");
    assertThat(group.typeText()).isEqualTo("identity");
    rig.core().releaseDevice(rig.device("b"));
    assertThat(group.typeText()).as("CORE-609: not re-evaluated").isEqualTo("identity");
    group.changeDefaultDomain(DefaultDomainRequest.AUTO);
    assertThat(group.typeText()).isEqualTo("DMA");
  }

  @Test // CORE-224: list order, the old default as "old"
  void membersAreSwitchedInListOrder() {
    FakeStatic spied = spy(rig.driver.newStatic(org.iommu4j.spi.StaticDomain.Kind.IDENTITY));
    rig.driver.identity = spied;
    IommuGroup group = rig.startWithGroup("a", "b", "c");
    Domain old = group.defaultDomain();
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    InOrder order = inOrder(spied);
    order.verify(spied).attachDev(any(), same(rig.dev("a")), same(old));
    order.verify(spied).attachDev(any(), same(rig.dev("b")), same(old));
    order.verify(spied).attachDev(any(), same(rig.dev("c")), same(old));
  }

  @Test // CORE-225, CORE-430: appendix scenario 3
  void aRefusingMemberRollsTheOthersBack() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a", "b", "c");
    GroupSnapshot before = group.snapshot();
    rig.hooks.fail("attach", "c", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    assertThat(rig.takeCalls())
        .containsExactly(
            "alloc_paging a = D1",
            "attach a -> D1[DMA] (old identity)",
            "attach b -> D1[DMA] (old identity)",
            "attach c -> D1[DMA] (old identity) = ENOMEM",
            "attach a -> identity (old D1)",
            "attach b -> identity (old D1)",
            "free D1");
    assertThat(group.snapshot()).isEqualTo(before);
  }

  @Test // CORE-225, CORE-425, CORE-1020: appendix scenario 4
  void aMemberThatCannotGoBackIsAViolation() {
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.hooks.fail("attach", "b", Errno.ENOMEM);
    rig.hooks.fail("attach", "a", 1, Errno.EIO);
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> identity (old D1)",
            "attach b -> identity (old D1) = ENOMEM",
            "attach a -> D1[DMA] (old identity) = EIO");
    assertThat(rig.takeViolations()).containsExactly("1020 rollback-failed");
    assertThat(group.typeText()).isEqualTo("DMA");
  }

  @Test // CORE-225, errata CORE-227: the blocking domain is tried if the group has one
  void aMemberThatCannotGoBackIsBlockedIfPossible() {
    IommuGroup group = rig.startWithGroup("a", "b");
    group.claimDmaOwner(new DmaOwner("vmm"));
    group.releaseDmaOwner();
    rig.journal.clear();
    rig.hooks.fail("attach", "b", Errno.ENOMEM);
    rig.hooks.fail("attach", "a", 1, Errno.EIO);
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    assertThat(rig.takeCalls())
        .endsWith("attach a -> D1[DMA] (old identity) = EIO", "attach a -> blocked (old identity)");
    assertThat(rig.takeViolations()).containsExactly("1020 rollback-failed");
  }

  @Test // CORE-229, CORE-303
  void anUnclaimedConsumerDomainIsReplaced() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.takeCalls()).containsExactly("attach a -> identity (old D2)", "free D1");
    domain.close();
  }

  @Test // CORE-229: PASIDs do not block the change either
  void pasidsDoNotBlockTheChange() {
    rig.pci("a", builder -> builder.pasidLimit(16));
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.dev("a").attachPasid(domain, 5, new AttachHandle("h"));
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(group.snapshot().pasids()).containsOnlyKeys(5);
    rig.dev("a").detachPasid(domain, 5);
    domain.close();
  }

  @Test // CORE-253: the flaw of 6.4 is not repeated
  void aRollbackAttachesTheOldDomainAndNotTheNewOne() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.hooks.fail("attach", "b", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    List<String> attaches = rig.journal.starting("attach");
    assertThat(attaches.get(attaches.size() - 1)).isEqualTo("attach a -> identity (old D1)");
  }

  @Test // CORE-243, CORE-250, CORE-254: no ownership is taken, nothing is blocked meanwhile
  void theChangeNeverPassesThroughTheBlockingDomain() {
    IommuGroup group = rig.startWithGroup("a", "b");
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.journal.all()).noneMatch(line -> line.contains("blocked"));
    assertThat(group.snapshot().blockingDomain()).isNull();
  }

  @Test // CORE-183: forcing strict does not touch existing groups
  void forcingStrictLeavesGroupsAlone() {
    rig.boot = BootParameters.NONE;
    IommuGroup group = rig.startWithGroup("a");
    rig.core().setDmaStrict();
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
    rig.driver.keys.clear();
    rig.add("b");
    assertThat(rig.group("b").typeText()).isEqualTo("DMA");
    group.changeDefaultDomain(DefaultDomainRequest.AUTO);
    assertThat(group.typeText()).isEqualTo("DMA");
  }

  @Test // CORE-185
  void theGlobalDefaultChangesForGroupsToCome() {
    rig.start();
    assertThat(rig.core().defaultPassthrough()).isFalse();
    rig.core().setDefaultPassthrough(false);
    assertThat(rig.core().defaultPassthrough()).isTrue();
    rig.add("a");
    assertThat(rig.group("a").typeText()).isEqualTo("identity");
    rig.core().setDefaultTranslated(false);
    rig.add("b");
    assertThat(rig.group("b").typeText()).isEqualTo("DMA");
  }
}
