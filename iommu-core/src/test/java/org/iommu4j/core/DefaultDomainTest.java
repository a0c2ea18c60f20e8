package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.nameOf;
import static org.iommu4j.fake.Rig.refused;

import java.util.List;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.CookieType;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.Hooks;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.StaticDomain;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Allocating default domains and installing them. */
final class DefaultDomainTest {
  @RegisterExtension final Rig rig = new Rig();

  // ---- allocation ----

  @Test // CORE-160
  void aStaticDefaultIsUsedAsItIs() {
    rig.driver.defaultDomain = rig.driver.identity;
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.defaultDomain()).isSameAs(rig.identity());
    rig.refusedUnchanged(Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
  }

  @Test // CORE-161, CORE-924
  void anExplicitTypeHasNoFallback() {
    rig.driver.identity = null;
    IommuGroup group = rig.startWithGroup("a");
    rig.refusedUnchanged(
        Errno.EOPNOTSUPP, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    assertThat(rig.tracer.messages).doesNotContain(CoreMessage.FALLBACK_TO_DMA);
  }

  @Test // CORE-162: whatever the driver said
  void withoutDmaAsGlobalDefaultTheAnswerIsInvalid() {
    rig.start();
    rig.hooks.fail("alloc", "a", Errno.ENOSPC);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.EINVAL);
  }

  @Test // CORE-162: identity or lazy fall back to DMA
  void otherGlobalDefaultsFallBackToDma() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    rig.driver.identity = null;
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.typeText()).isEqualTo("DMA");
    assertThat(rig.tracer.messages).contains(CoreMessage.FALLBACK_TO_DMA);
  }

  @Test // CORE-162
  void lazyFallsBackToStrict() {
    rig.boot = BootParameters.NONE;
    rig.start();
    rig.hooks.fail("alloc", "a", Errno.ENOMEM);
    rig.add("a");
    assertThat(rig.group("a").typeText()).isEqualTo("DMA");
    assertThat(rig.journal.starting("alloc"))
        .containsExactly("alloc_paging a = ENOMEM", "alloc_paging a = D1");
  }

  @Test // CORE-162: the fallback's own error is returned
  void aFailedFallbackReturnsItsError() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    rig.driver.identity = null;
    rig.start();
    rig.hooks.fail("alloc", "a", Errno.ENOSPC);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENOSPC);
    assertThat(rig.tracer.messages).doesNotContain(CoreMessage.FALLBACK_TO_DMA);
  }

  @Test // CORE-163, CORE-171, CORE-220
  void anInstalledTypeIsAnsweredAgain() {
    IommuGroup group = rig.startWithGroup("a");
    Domain before = group.defaultDomain();
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    group.changeDefaultDomain(DefaultDomainRequest.AUTO);
    assertThat(group.defaultDomain()).isSameAs(before);
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-164, CORE-929
  void devicesWithPasidsGetACompatibleDomain() {
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.start();
    rig.add("a");
    assertThat(rig.journal.starting("alloc")).containsExactly("alloc_paging_flags a [PASID] = D1");
  }

  @Test // CORE-164: only EOPNOTSUPP is tried again without flags
  void onlyUnsupportedFlagsAreTriedAgain() {
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    rig.pci("a", builder -> builder.pasidLimit(16));
    rig.pci("b", builder -> builder.pasidLimit(16));
    rig.start();
    rig.hooks.fail("alloc_flags", "a", Errno.EOPNOTSUPP);
    rig.add("a");
    assertThat(rig.journal.starting("alloc"))
        .containsExactly("alloc_paging_flags a [PASID] = EOPNOTSUPP", "alloc_paging a = D1");
    rig.hooks.fail("alloc_flags", "b", Errno.ENOMEM);
    assertThat(rig.addFailing("b").errno()).isEqualTo(Errno.EINVAL);
  }

  @Test // CORE-164: the first device decides
  void theFirstDeviceDecidesAboutPasids() {
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    rig.pci("b", builder -> builder.pasidLimit(16));
    rig.startWithGroup("a", "b");
    rig.core().unregister(rig.iommu);
    rig.journal.clear();
    rig.core().register(rig.iommu);
    assertThat(rig.journal.starting("alloc")).containsExactly("alloc_paging a = D2");
  }

  @Test // CORE-165
  void identityMayBeAllocated() {
    rig.driver.identity = null;
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_IDENTITY);
    IommuGroup group = rig.startWithGroup("a");
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.takeCalls())
        .containsExactly("alloc_identity a = D2", "attach a -> D2[IDENTITY] (old D1)", "free D1");
    assertThat(group.typeText()).isEqualTo("identity");
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.takeCalls()).endsWith("free D2");
  }

  @Test // CORE-165: a wish that is neither paging nor identity
  void otherTypesCannotBeDefaults() {
    rig.driver.wishes.put("a", DomainType.PLATFORM);
    rig.start();
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.journal.starting("alloc")).isEmpty();
  }

  @Test // CORE-166
  void pagingAllocationChoosesTheCallback() {
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    rig.start();
    rig.add("a");
    rig.driver.operations.remove(IommuOp.DOMAIN_ALLOC_PAGING);
    assertThat(rig.journal.starting("alloc")).containsExactly("alloc_paging a = D1");
    Rig other = new Rig();
    other.driver.operations.remove(IommuOp.DOMAIN_ALLOC_PAGING);
    other.driver.operations.add(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    other.start();
    other.add("a");
    assertThat(other.journal.starting("alloc")).containsExactly("alloc_paging_flags a [] = D1");
    other.core().closeForced();
  }

  @Test // CORE-166: neither callback, and a null answer
  void pagingAllocationThatCannotWork() {
    rig.driver.operations.remove(IommuOp.DOMAIN_ALLOC_PAGING);
    rig.boot = BootParameters.NONE.withPassthrough("1");
    rig.start();
    rig.add("a");
    refused(Errno.EOPNOTSUPP, () -> rig.core().allocPagingDomain(rig.device("a")));
    Rig other = new Rig();
    other.start();
    other.add("a");
    other.hooks.nullNext("alloc");
    refused(Errno.ENOMEM, () -> other.core().allocPagingDomain(other.device("a")));
    other.core().closeForced();
  }

  @Test // CORE-165, CORE-166: a null identity domain
  void aNullIdentityIsALackOfMemory() {
    rig.driver.identity = null;
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_IDENTITY);
    IommuGroup group = rig.startWithGroup("a");
    rig.hooks.nullNext("alloc_identity");
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    assertThat(group.typeText()).isEqualTo("DMA");
  }

  @Test // CORE-167, CORE-561
  void aNewDomainHasTypeCookieSizesAndGeometryOfItsDriver() {
    rig.driver.pageSizes = 0x201000;
    rig.driver.geometry = DomainGeometry.ofBits(39);
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    assertThat(domain.type()).isEqualTo(DomainType.UNMANAGED);
    assertThat(domain.cookieType()).isEqualTo(CookieType.NONE);
    assertThat(domain.pageSizes()).isEqualTo(0x201000);
    assertThat(domain.geometry()).isEqualTo(new DomainGeometry(0, 0x7f_ffff_ffffL, true));
    assertThat(domain.ops()).isSameAs(rig.driver.lastDomain());
    domain.close();
  }

  @Test // CORE-168
  void staticDomainsAreSharedAndNeverFreed() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    rig.start();
    rig.add("a", "b");
    assertThat(rig.group("a").defaultDomain()).isSameAs(rig.group("b").defaultDomain());
    rig.core().freeDomain(rig.identity());
    rig.core().freeDomain(rig.blocked());
    rig.group("a").changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.journal.starting("free")).isEmpty();
  }

  // ---- installation ----

  @Test // CORE-170, CORE-173, CORE-174: the steps in order
  void theStepsHaveAnOrder() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    rig.driver.regions.put("b", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.hooks.once(
        "attach",
        "a",
        () ->
            assertThat(nameOf(group.defaultDomain())).as("set before the attach").isEqualTo("D1"));
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.journal.all())
        .containsSubsequence(
            "?def_domain_type a",
            "?def_domain_type b",
            "alloc_paging a = D1",
            "dma get_cookie D1",
            "?resv a",
            "?resv b",
            "map D1 0x1000 0x1000 0x1000 x1 prot=3",
            "attach a -> D1[DMA] (old identity)",
            "attach b -> D1[DMA] (old identity)",
            "dma setup a D1",
            "dma setup b D1");
  }

  @Test // CORE-170, CORE-008: an empty group is refused
  void anEmptyGroupHasNoDefaultDomain() {
    IommuGroup empty = rig.core().allocGroup();
    rig.refusedUnchanged(Errno.EINVAL, () -> empty.changeDefaultDomain(DefaultDomainRequest.DMA));
  }

  @Test // CORE-172
  void aRefusedCookieFreesTheNewDomain() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a");
    GroupSnapshot before = group.snapshot();
    rig.hooks.fail("dma.get_cookie", Hooks.ANY, Errno.ENODEV);
    refused(Errno.ENODEV, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    assertThat(rig.takeCalls()).containsExactly("alloc_paging a = D1", "free D1");
    assertThat(group.snapshot()).isEqualTo(before);
  }

  @Test // CORE-173: a failed direct mapping is retried after the attach; the warning comes once
  void direcMappingsAreRetried() {
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    rig.hooks.fail("map", Hooks.ANY, Errno.ENOMEM);
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.typeText()).isEqualTo("DMA");
    assertThat(rig.driver.lastDomain().mappedPages()).isEqualTo(1);
    rig.hooks.fail("map", Hooks.ANY, Errno.ENOMEM);
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.tracer.messages)
        .filteredOn(message -> message == CoreMessage.DIRECT_MAPPING_FAILED)
        .hasSize(1);
  }

  @Test // CORE-175: both pointers name the new domain until the unwinding frees it
  void aFailedFirstAttachKeepsThePointersUntilTheUnwind() {
    rig.start();
    rig.hooks.fail("attach", "a", Errno.EIO);
    rig.hooks.once(
        "release_device",
        "a",
        () -> {
          assertThat(nameOf(rig.dev("a").group().defaultDomain())).isEqualTo("D1");
        });
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.EIO);
    assertThat(rig.takeViolations()).containsExactly("1018 first-attach-failed");
    assertThat(rig.takeCalls()).endsWith("release_device a", "free D1");
  }

  @Test // CORE-175: members that did attach are not taken back
  void aFailedFirstAttachOfASecondMemberRollsNothingBack() {
    rig.sharing("g", "a", "b", "c");
    rig.addFailing("a");
    rig.addFailing("b");
    rig.addFailing("c");
    rig.core();
    rig.journal.clear();
    rig.hooks.fail("attach", "b", Errno.EIO);
    refused(Errno.EIO, () -> rig.core().register(rig.iommu));
    assertThat(rig.journal.starting("attach"))
        .containsExactly(
            "attach a -> D1[DMA] (old null)",
            "attach b -> D1[DMA] (old null) = EIO",
            "attach c -> D1[DMA] (old null)");
    assertThat(rig.takeViolations()).containsExactly("1018 first-attach-failed");
  }

  @Test // CORE-176
  void aFailedChangeRestoresThePreviousDefault() {
    IommuGroup group = rig.startWithGroup("a", "b");
    GroupSnapshot before = group.snapshot();
    rig.hooks.fail("attach", "b", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    assertThat(group.snapshot()).isEqualTo(before);
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    rig.journal.clear();
    rig.hooks.fail("attach", "b", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    assertThat(rig.takeCalls())
        .containsExactly(
            "alloc_paging a = D2",
            "attach a -> D2[DMA] (old identity)",
            "attach b -> D2[DMA] (old identity) = ENOSPC",
            "attach a -> identity (old D2)",
            "free D2");
  }

  @Test // CORE-177: with a previous default everybody goes back
  void aSecondFailedDirectMappingGoesBack() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    IommuGroup group = rig.startWithGroup("a", "b");
    GroupSnapshot before = group.snapshot();
    rig.hooks.failAlways("map", Hooks.ANY, Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    assertThat(rig.takeCalls())
        .containsExactly(
            "alloc_paging a = D1",
            "map D1 0x1000 0x1000 0x1000 x1 prot=3 = ENOMEM",
            "attach a -> D1[DMA] (old identity)",
            "attach b -> D1[DMA] (old identity)",
            "map D1 0x1000 0x1000 0x1000 x1 prot=3 = ENOMEM",
            "attach a -> identity (old D1)",
            "attach b -> identity (old D1)",
            "free D1");
    assertThat(group.snapshot()).isEqualTo(before);
  }

  @Test // CORE-177: without a previous default the probe cleans up
  void aSecondFailedDirectMappingAtProbe() {
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    rig.start();
    rig.hooks.failAlways("map", Hooks.ANY, Errno.ENOMEM);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENOMEM);
    assertThat(rig.takeCalls()).endsWith("release_device a", "free D1");
    assertThat(rig.core().groups()).isEmpty();
  }

  @Test // CORE-178, CORE-226, CORE-227
  void theOldDefaultIsFreedAfterTheAttachAndNothingElseIsTouched() {
    IommuGroup group = rig.startWithGroup("a", "b");
    DmaOwner vmm = new DmaOwner("vmm");
    group.claimDmaOwner(vmm);
    group.releaseDmaOwner();
    rig.journal.clear();
    rig.showLocks();
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> identity (old D1) @G", "attach b -> identity (old D1) @G", "free D1 @G");
    assertThat(group.snapshot().blockingDomain()).isSameAs(rig.blocked());
    assertThat(group.snapshot().ownerCount()).isZero();
    assertThat(group.snapshot().owner()).isNull();
  }

  // ---- DMA set-up ----

  @Test // CORE-179
  void devicesAreSwitchedToTheDmaLayerAndAway() {
    IommuGroup group = rig.startWithGroup("a");
    assertThat(rig.state("a").members().get(0).dma()).isTrue();
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.state("a").members().get(0).dma()).isFalse();
    assertThat(rig.journal.starting("dma teardown")).containsExactly("dma teardown a");
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.state("a").members().get(0).dma()).isTrue();
  }

  @Test // CORE-179, CORE-180: a failure is logged, and the caller does not hear of it
  void aFailedSetUpMeansPlatformDma() {
    rig.start();
    rig.hooks.fail("dma.setup", "a", Errno.EFAULT);
    rig.add("a");
    assertThat(rig.state("a").members().get(0).dma()).isFalse();
    assertThat(rig.tracer.messages).contains(CoreMessage.DMA_SETUP_FAILED);
    assertThat(rig.state("a").currentDomain()).isNotNull();
  }

  @Test // CORE-181, CORE-933: appendix scenario 17
  void lazySilentlyBecomesStrict() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a");
    rig.dma.outcome = DmaLayer.Outcome.DOWNGRADED;
    group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ);
    assertThat(group.typeText()).isEqualTo("DMA");
    group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ);
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
    assertThat(rig.journal.starting("dma start_flush_queue"))
        .containsExactly("dma start_flush_queue D1");
  }

  @Test // CORE-015, CORE-031
  void theDefaultDomainIsReadWithoutALock() {
    IommuGroup group = rig.startWithGroup("a");
    Boolean same =
        group.forEachDevice(
            device -> group.defaultDomain() == rig.dev("a").group().defaultDomain());
    assertThat(same).isTrue();
  }

  @Test // CORE-168: a platform default translates nothing the core could know
  void platformDomainsTranslateNothingHere() {
    rig.driver.defaultDomain = rig.driver.newStatic(StaticDomain.Kind.PLATFORM);
    IommuGroup group = rig.startWithGroup("a");
    Domain domain = group.defaultDomain();
    assertThat(domain).isNotNull();
    assertThat(domain.iovaToPhys(0x1000)).isZero();
    assertThat(rig.core().staticDefaultDomain(rig.iommu)).isSameAs(domain);
  }
}
