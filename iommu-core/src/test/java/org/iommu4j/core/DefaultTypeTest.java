package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import org.iommu4j.api.BootParameters;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaBuild;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.fake.FakeStatic;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.StaticDomain;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Which type the default domain of a group gets. */
final class DefaultTypeTest {
  @RegisterExtension final Rig rig = new Rig();

  @ParameterizedTest // CORE-151, CORE-925
  @CsvSource({
    "DMA,IDENTITY,identity,true",
    "IDENTITY,DMA,identity,true",
    "DMA,DMA,DMA,false",
    "DMA_FQ,DMA,DMA-FQ,true",
    "DMA,DMA_FQ,DMA,true",
    "IDENTITY,DMA_FQ,identity,true",
    "BLOCKED,DMA,DMA,false",
    "DMA,BLOCKED,DMA,false",
  })
  void theFirstWishStaysUnlessIdentityComes(
      DomainType first, DomainType second, String text, boolean conflict) {
    rig.driver.wishes.put("a", first);
    rig.driver.wishes.put("b", second);
    IommuGroup group = rig.startWithGroup("a", "b");
    assertThat(group.typeText()).isEqualTo(text);
    assertThat(rig.tracer.messages.contains(CoreMessage.CONFLICTING_WISHES)).isEqualTo(conflict);
  }

  @Test // CORE-150, CORE-222: a static default speaks for every device; nobody is asked
  void aStaticDefaultIsTheWish() {
    rig.driver.defaultDomain = rig.driver.newStatic(StaticDomain.Kind.PLATFORM);
    rig.driver.wishes.put("a", DomainType.DMA);
    IommuGroup group = rig.startWithGroup("a");
    assertThat(rig.journal.starting("?def_domain_type")).isEmpty();
    assertThat(group.defaultDomain()).isNotNull();
    assertThat(group.defaultDomain().type()).isEqualTo(DomainType.PLATFORM);
    assertThat(group.typeText()).isEqualTo("unknown");
  }

  @Test // CORE-150: without the operation there is no wish
  void withoutTheOperationTheGlobalDefaultCounts() {
    rig.driver.operations.remove(IommuOp.DEF_DOMAIN_TYPE);
    rig.driver.wishes.put("a", DomainType.IDENTITY);
    assertThat(rig.startWithGroup("a").typeText()).isEqualTo("DMA");
  }

  @Test // CORE-010, CORE-160: only a static default can make BLOCKED the default
  void aStaticBlockedDefaultMatchesAutomatic() {
    FakeStatic blocked = rig.driver.newStatic(StaticDomain.Kind.BLOCKED);
    rig.driver.defaultDomain = blocked;
    rig.driver.blocked = blocked;
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.typeText()).isEqualTo("blocked");
    rig.refusedUnchanged(
        Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    group.changeDefaultDomain(DefaultDomainRequest.AUTO);
    assertThat(group.typeText()).isEqualTo("blocked");
  }

  @Test // CORE-010
  void aWishForBlockedIsNoWish() {
    rig.driver.wishes.put("a", DomainType.BLOCKED);
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.typeText()).isEqualTo("DMA");
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(group.typeText()).isEqualTo("identity");
  }

  @Test // CORE-154: forced to strict DMA
  void anUntrustedMemberForcesStrict() {
    rig.boot = BootParameters.NONE;
    rig.pci("b", builder -> builder.untrusted(true));
    IommuGroup group = rig.startWithGroup("a", "b");
    assertThat(group.typeText()).isEqualTo("DMA");
    refused(Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
  }

  @ParameterizedTest // CORE-154, CORE-156, CORE-925
  @CsvSource({"IDENTITY", "DMA_FQ"})
  void anUntrustedMemberRefusesOtherWishes(DomainType wish) {
    rig.pci("b", builder -> builder.untrusted(true));
    rig.driver.wishes.put("a", wish);
    rig.sharing("shared", "a", "b");
    rig.addFailing("a");
    rig.addFailing("b");
    rig.core();
    refused(Errno.EINVAL, () -> rig.core().register(rig.iommu));
    assertThat(rig.tracer.messages).contains(CoreMessage.UNTRUSTED_REFUSED);
    assertThat(rig.journal.starting("alloc")).isEmpty();
  }

  @Test // CORE-154: a wish for DMA is what trust demands
  void anUntrustedMemberAcceptsAWishForDma() {
    rig.pci("a", builder -> builder.untrusted(true));
    rig.driver.wishes.put("a", DomainType.DMA);
    assertThat(rig.startWithGroup("a").typeText()).isEqualTo("DMA");
  }

  @ParameterizedTest // CORE-153, CORE-155
  @EnumSource(
      value = DmaBuild.class,
      names = {"NONE", "ARM_GLUE"})
  void withoutTheDmaLayerIdentityIsForced(DmaBuild build) {
    rig.boot = rig.boot.withDma(build);
    IommuGroup group = rig.startWithGroup("a", "b");
    assertThat(group.typeText()).isEqualTo("identity");
    rig.refusedUnchanged(Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    rig.refusedUnchanged(
        Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ));
    group.changeDefaultDomain(DefaultDomainRequest.AUTO);
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-153, CORE-156, CORE-1017
  void withoutTheDmaLayerAWishForDmaIsRefused() {
    rig.boot = rig.boot.withDma(DmaBuild.NONE);
    rig.driver.wishes.put("a", DomainType.DMA);
    rig.addFailing("a");
    refused(Errno.EINVAL, () -> rig.core().register(rig.iommu));
    assertThat(rig.takeViolations()).containsExactly("1017 dma-without-layer");
    assertThat(rig.journal.starting("alloc")).isEmpty();
  }

  @Test // CORE-151, CORE-152: identity is there first, and it wins
  void onArmGlueAWishForDmaLosesToIdentity() {
    rig.boot = rig.boot.withDma(DmaBuild.ARM_GLUE);
    rig.driver.wishes.put("a", DomainType.DMA);
    assertThat(rig.startWithGroup("a").typeText()).isEqualTo("identity");
    assertThat(rig.tracer.messages).contains(CoreMessage.CONFLICTING_WISHES);
  }

  @Test // CORE-152, CORE-156, CORE-1017
  void onArmGlueNobodyMayBeUntrusted() {
    rig.boot = rig.boot.withDma(DmaBuild.ARM_GLUE);
    rig.pci("a", builder -> builder.untrusted(true));
    rig.addFailing("a");
    refused(Errno.EINVAL, () -> rig.core().register(rig.iommu));
    assertThat(rig.takeViolations()).containsExactly("1017 untrusted-device");
  }

  @Test // CORE-155
  void aTargetMustBeTheWish() {
    rig.driver.wishes.put("b", DomainType.IDENTITY);
    IommuGroup group = rig.startWithGroup("a", "b");
    refused(Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    assertThat(rig.takeCalls()).isEmpty();
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    group.changeDefaultDomain(DefaultDomainRequest.AUTO);
    assertThat(rig.takeCalls()).isEmpty();
  }

  @Test // CORE-157, CORE-210: strict and lazy are distinct wishes, except for the live switch
  void strictAndLazyAreDistinctWishes() {
    rig.driver.wishes.put("a", DomainType.DMA_FQ);
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
    rig.refusedUnchanged(Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA));
    rig.driver.wishes.put("a", DomainType.DMA);
    rig.refusedUnchanged(
        Errno.EINVAL, () -> group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ));
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ);
    assertThat(group.typeText()).isEqualTo("DMA-FQ");
  }

  @Test // CORE-009
  void typesAreBitSets() {
    assertThat(DomainType.BLOCKED.bits()).isZero();
    assertThat(DomainType.IDENTITY.bits()).isEqualTo(4);
    assertThat(DomainType.UNMANAGED.bits()).isEqualTo(1);
    assertThat(DomainType.DMA.bits()).isEqualTo(3);
    assertThat(DomainType.DMA_FQ.bits()).isEqualTo(11);
    assertThat(DomainType.SVA.bits()).isEqualTo(16);
    assertThat(DomainType.PLATFORM.bits()).isEqualTo(32);
    assertThat(DomainType.NESTED.bits()).isEqualTo(64);
    for (DomainType type : DomainType.values()) {
      assertThat(type.isDma()).isEqualTo(type == DomainType.DMA || type == DomainType.DMA_FQ);
      assertThat(type.isPaging()).isEqualTo((type.bits() & 1) != 0);
    }
  }

  @Test // CORE-011
  void logNames() {
    assertThat(DomainType.BLOCKED.logName()).isEqualTo("Blocked");
    assertThat(DomainType.IDENTITY.logName()).isEqualTo("Passthrough");
    assertThat(DomainType.UNMANAGED.logName()).isEqualTo("Unmanaged");
    assertThat(DomainType.DMA.logName()).isEqualTo("Translated");
    assertThat(DomainType.DMA_FQ.logName()).isEqualTo("Translated");
    assertThat(DomainType.PLATFORM.logName()).isEqualTo("Platform");
    assertThat(DomainType.SVA.logName()).isEqualTo("Unknown");
    assertThat(DomainType.NESTED.logName()).isEqualTo("Unknown");
  }
}
