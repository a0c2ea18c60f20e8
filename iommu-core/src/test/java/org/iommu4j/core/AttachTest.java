package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.List;
import java.util.Objects;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.StaticDomain;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Attaching consumers' domains to devices and groups, and moving a whole group. */
final class AttachTest {
  @RegisterExtension final Rig rig = new Rig();

  private final DmaOwner vmm = new DmaOwner("vmm");

  @Test // CORE-400
  void aDeviceMustBeAloneInItsGroup() {
    rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    assertThat(rig.refusedUnchanged(Errno.EINVAL, () -> rig.dev("a").attach(domain)))
        .hasMessageContaining("shares group 0");
    refused(Errno.ENODEV, () -> rig.core().attach(rig.device("groupless"), domain));
    rig.core().releaseDevice(rig.device("b"));
    rig.dev("a").attach(domain);
    assertThat(rig.state("a").currentDomain()).isSameAs(domain);
    assertThat(rig.state("a").references()).as("no reference is taken").isEqualTo(1);
    rig.dev("a").detach(domain);
    domain.close();
  }

  @Test // CORE-401, CORE-007
  void aGroupIsAttachedInListOrder() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("b");
    rig.journal.clear();
    group.attach(domain);
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> D2[UNMANAGED] (old D1)", "attach b -> D2[UNMANAGED] (old D1)");
    group.detach(domain);
    domain.close();
  }

  @Test // CORE-402: busy, also for the very domain that is attached
  void aGroupOnAConsumersDomainIsBusy() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain one = rig.domain("a");
    PagingDomain two = rig.domain("a");
    group.attach(one);
    assertThat(rig.refusedUnchanged(Errno.EBUSY, () -> group.attach(two)))
        .hasMessageContaining("D2")
        .hasMessageContaining("D3");
    rig.refusedUnchanged(Errno.EBUSY, () -> group.attach(one));
    group.detach(one);
    group.attach(two);
    group.detach(two);
    one.close();
    two.close();
  }

  @Test // CORE-402: busy comes before incompatible
  void busyComesBeforeIncompatible() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    Domain alien = alienDomain();
    group.attach(domain);
    rig.refusedUnchanged(Errno.EBUSY, () -> group.attach(alien));
    group.detach(domain);
    rig.refusedUnchanged(Errno.EINVAL, () -> group.attach(alien));
    domain.close();
  }

  /** A domain of another driver of the same core. */
  private Domain alienDomain() {
    FirmwareNode node = new FirmwareNode("alien");
    FakeDriver other = rig.newDriver("other");
    FakeInstance instance = new FakeInstance("i9", other, node);
    other.instances.add(instance);
    rig.core().register(instance);
    rig.pci("z", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.add("z");
    return rig.domain("z");
  }

  @Test // CORE-402, CORE-623: a member without driver
  void plainGroupsCannotBeAttached() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    IommuGroup plain = rig.core().allocGroup();
    rig.refusedUnchanged(Errno.EINVAL, () -> plain.attach(domain));
    rig.core().addToGroup(plain, rig.device("p"));
    rig.refusedUnchanged(Errno.EINVAL, () -> plain.attach(domain));
    rig.refusedUnchanged(Errno.EINVAL, () -> rig.core().attach(rig.device("p"), domain));
    rig.core().removeFromGroup(rig.device("p"));
    domain.close();
  }

  @ParameterizedTest // CORE-403, CORE-001
  @EnumSource(
      value = Errno.class,
      names = {"EINVAL", "ENOMEM", "ENOSPC", "EBUSY", "ENODEV", "EXDEV"})
  void driverErrorsPassThrough(Errno errno) {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.hooks.fail("attach", "a", errno);
    refused(errno, () -> group.attach(domain));
    assertThat(rig.state("a").currentDomain()).isSameAs(group.defaultDomain());
    domain.close();
  }

  @Test // CORE-404: static identity and blocked fit, release and default do not
  void whichStaticDomainsFit() {
    rig.driver.release = rig.driver.newStatic(StaticDomain.Kind.BLOCKED);
    IommuGroup group = rig.startWithGroup("a");
    group.attach(rig.identity());
    group.detach(rig.identity());
    group.attach(rig.blocked());
    group.detach(rig.blocked());
    Rig other = new Rig();
    other.driver.defaultDomain = other.driver.newStatic(StaticDomain.Kind.PLATFORM);
    IommuGroup platform = other.startWithGroup("a");
    platform.attach(other.identity());
    Domain defaultDomain = Objects.requireNonNull(platform.defaultDomain());
    refused(Errno.EBUSY, () -> platform.attach(defaultDomain));
    platform.detach(defaultDomain);
    refused(Errno.EINVAL, () -> platform.attach(defaultDomain));
    other.core().closeForced();
  }

  @Test // CORE-404: two instances of one driver share their domains
  void domainsOfOneDriverFitAllItsInstances() {
    FirmwareNode node = new FirmwareNode("second");
    FakeInstance second = rig.instanceAt(node);
    rig.start();
    rig.core().register(second);
    rig.pci("b", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.add("a", "b");
    PagingDomain domain = rig.domain("a");
    rig.group("b").attach(domain);
    rig.group("b").detach(domain);
    domain.close();
  }

  @Test // CORE-405: neither owner nor drivers are asked
  void attachAsksNobody() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.core().useDefaultDomain(rig.device("a"));
    group.attach(domain);
    group.detach(domain);
    rig.core().unuseDefaultDomain(rig.device("a"));
    group.claimDmaOwner(vmm);
    group.attach(domain);
    group.detach(domain);
    group.releaseDmaOwner();
    domain.close();
  }

  @Test // CORE-406, CORE-1021
  void aDeviceIsDetachedFromItsDomainOnly() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain one = rig.domain("a");
    PagingDomain two = rig.domain("a");
    rig.core().detach(rig.device("groupless"), one);
    rig.dev("a").attach(one);
    rig.journal.clear();
    rig.dev("a").detach(two);
    assertThat(rig.takeViolations()).containsExactly("1021 detach-not-current");
    assertThat(rig.takeCalls()).isEmpty();
    rig.sharing("shared", "b");
    rig.add("b");
    rig.dev("a").detach(one);
    assertThat(rig.takeViolations()).containsExactly("1021 detach-multi-member");
    assertThat(rig.state("a").currentDomain()).isSameAs(one);
    group.detach(one);
    one.close();
    two.close();
  }

  @Test // CORE-407: the argument is ignored
  void aGroupIsDetachedWhateverItIsOn() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain one = rig.domain("a");
    PagingDomain two = rig.domain("a");
    group.attach(one);
    group.detach(two);
    assertThat(rig.state("a").currentDomain()).isSameAs(group.defaultDomain());
    rig.journal.clear();
    group.detach(two);
    assertThat(rig.takeCalls()).as("there already").isEmpty();
    one.close();
    two.close();
  }

  @Test // CORE-408, CORE-409: the owner detaches to the blocking domain
  void anOwnedGroupIsDetachedToItsBlockingDomain() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(vmm);
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    group.detach(domain);
    assertThat(rig.takeCalls()).containsExactly("attach a -> blocked (old D2)");
    group.releaseDmaOwner();
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old blocked)");
    domain.close();
  }

  @Test // CORE-408, CORE-432, CORE-1019: a failing detach is not reported
  void aFailingDetachIsAViolation() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    rig.hooks.fail("attach", "a", Errno.EIO);
    group.detach(domain);
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> D1[DMA] (old D2) = EIO", "attach b -> D1[DMA] (old D2)");
    assertThat(rig.takeViolations()).containsExactly("1019 restore-core-domain-failed");
    assertThat(rig.state("a").currentDomain()).isSameAs(group.defaultDomain());
  }

  // ---- moving a group ----

  @Test // CORE-420: there already, no driver call, even during a reset
  void theCurrentDomainIsSetWithoutADriver() {
    rig.pci("a", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a");
    rig.core().resetPrepare(rig.device("a"));
    rig.journal.clear();
    group.attach(Objects.requireNonNull(group.defaultDomain()));
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.takeCalls()).isEmpty();
    rig.core().resetDone(rig.device("a"));
  }

  @Test // CORE-420, CORE-1020, CORE-605: no domain to go to
  void aStaleOwnerHasNoBlockingDomain() {
    rig.driver.grouping = (device, groups) -> groups.singleton();
    rig.start();
    rig.add("a");
    IommuGroup group = rig.group("a");
    group.claimDmaOwner(vmm);
    rig.core().releaseDevice(rig.device("a"));
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    group.detach(domain);
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(rig.takeViolations())
        .containsExactly("1020 null-domain", "1019 restore-core-domain-failed");
    assertThat(rig.state("a").currentDomain()).isSameAs(domain);
    group.releaseDmaOwner();
    domain.close();
  }

  @Test // CORE-421, CORE-422, CORE-905
  void parkedMembersFenceTheGroup() {
    rig.pci("b", builder -> builder.ats(true));
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.core().resetPrepare(rig.device("b"));
    group.detach(domain);
    assertThat(rig.takeCalls())
        .endsWith("attach b -> blocked (old D2)", "attach a -> D1[DMA] (old D2)");
    assertThat(rig.refusedUnchanged(Errno.EBUSY, () -> group.attach(domain)))
        .hasMessageContaining("being reset");
    rig.core().resetDone(rig.device("b"));
    domain.close();
  }

  @Test // CORE-423, CORE-317
  void aDirectDeviceRefusesBothKindsOfBlocking() {
    rig.driver.blocked = null;
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    IommuGroup group = rig.startWithGroup("a");
    refused(Errno.EINVAL, () -> group.claimDmaOwner(vmm));
    assertThat(rig.tracer.messages).contains(CoreMessage.DIRECT_REQUIRED);
    assertThat(rig.takeCalls()).containsExactly("alloc_paging a = D2");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    group.detach(domain);
    domain.close();
  }

  @Test // CORE-425: the blocking fallback, its result ignored
  void mustSucceedFallsBackToBlocking() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(vmm);
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.journal.clear();
    rig.hooks.fail("attach", "a", Errno.EIO);
    rig.hooks.fail("attach", "a", Errno.ENOSPC);
    group.releaseDmaOwner();
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> D1[DMA] (old D2) = EIO", "attach a -> blocked (old D2) = ENOSPC");
    assertThat(rig.takeViolations()).containsExactly("1019 restore-core-domain-failed");
  }

  @Test // CORE-426, CORE-1001
  void aDomainThatCannotBeAttached() {
    rig.driver.domainOperations.remove(DomainOp.ATTACH_DEV);
    rig.boot = rig.boot.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    refused(Errno.ENODEV, () -> group.attach(domain));
    assertThat(rig.journal.starting("event attach")).isEmpty();
    group.attach(rig.blocked());
    assertThat(rig.journal.starting("event attach")).containsExactly("event attach a");
    group.detach(rig.blocked());
    domain.close();
  }

  @Test // CORE-430, CORE-923
  void aRefusingMemberOfAnAttachRollsBackFromTheHead() {
    IommuGroup group = rig.startWithGroup("a", "b", "c");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    rig.hooks.fail("attach", "c", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> group.attach(domain));
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> D2[UNMANAGED] (old D1)",
            "attach b -> D2[UNMANAGED] (old D1)",
            "attach c -> D2[UNMANAGED] (old D1) = ENOSPC",
            "attach a -> D1[DMA] (old D2)",
            "attach b -> D1[DMA] (old D2)");
    assertThat(rig.journal.all()).isEmpty();
    domain.close();
  }

  @Test // CORE-431: an attach between the two passes of a replay, before there is any domain
  void aRefusedAttachWithoutOldDomainTakesNobodyBack() {
    rig.sharing("shared", "b", "c");
    List.of("a", "b", "c").forEach(rig::addFailing);
    rig.hooks.once(
        "probe_finalize",
        "a",
        () -> {
          IommuGroup group = rig.group("b");
          rig.hooks.fail("attach", "c", Errno.ENOSPC);
          rig.journal.clear();
          refused(Errno.ENOSPC, () -> group.attach(rig.identity()));
          assertThat(rig.takeCalls())
              .containsExactly(
                  "attach b -> identity (old null)", "attach c -> identity (old null) = ENOSPC");
          assertThat(group.snapshot().currentDomain()).isNull();
        });
    rig.start();
    assertThat(rig.state("b").currentDomain()).isSameAs(rig.state("b").defaultDomain());
  }

  @Test // CORE-014, CORE-434: what a driver sees of its domain during a transition
  void duringATransitionTheDriverSeesTheOldDomain() {
    IommuGroup group = rig.startWithGroup("a", "b");
    PagingDomain domain = rig.domain("a");
    Domain before = group.defaultDomain();
    rig.hooks.on("attach", () -> assertThat(rig.dev("b").driverDomain()).isSameAs(before));
    group.attach(domain);
    rig.hooks.clear();
    assertThat(rig.core().domainOf(rig.device("b"))).isSameAs(domain);
    assertThat(rig.dev("b").domain()).isSameAs(domain);
    assertThat(rig.core().domainOf(rig.device("groupless"))).isNull();
    group.detach(domain);
    domain.close();
  }

  @Test // CORE-014: the driver's query needs the group lock
  void theDriversQueryNeedsTheLock() {
    rig.startWithGroup("a");
    refused(Errno.EPERM, () -> rig.dev("a").driverDomain());
  }

  @Test // CORE-014, CORE-1022: a device that is no member any more
  void aDeviceThatLeftHasNoDomain() {
    rig.driver.release = rig.driver.blocked;
    rig.startWithGroup("a", "b");
    rig.hooks.once("release_device", "a", () -> assertThat(rig.dev("a").driverDomain()).isNull());
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeViolations()).containsExactly("1022 not-a-member");
  }

  @Test // CORE-435: appendix scenario 19
  void aDirectNewcomerStaysOnTheConsumersDomain() {
    IommuGroup group = rig.startWithGroup("a");
    group.claimDmaOwner(vmm);
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    rig.sharing("shared", "b");
    rig.driver.regions.put("b", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    rig.add("b");
    rig.journal.clear();
    group.detach(domain);
    assertThat(rig.takeCalls()).containsExactly("attach a -> blocked (old D2)");
    assertThat(rig.takeViolations()).containsExactly("1019 restore-core-domain-failed");
    assertThat(rig.state("a").currentDomain()).isSameAs(rig.blocked());
    // The domain is reported as still in use: the member is on it whatever the pointer says.
    refused(Errno.EBUSY, domain::close);
    rig.core().releaseDevice(rig.device("b"));
    domain.close();
    group.releaseDmaOwner();
  }
}
