package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.Objects;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Devices whose first attach waits. */
final class DeferredAttachTest {
  @RegisterExtension final Rig rig = new Rig();

  @BeforeEach
  void defer() {
    rig.driver.operations.add(IommuOp.IS_ATTACH_DEFERRED);
    rig.driver.deferred.add("a");
    rig.driver.deferred.add("b");
  }

  private Domain defaultOf(String name) {
    return Objects.requireNonNull(rig.group(name).defaultDomain());
  }

  @Test // CORE-046, CORE-195
  void theDefaultDomainIsSetWithoutTheDriver() {
    rig.startWithGroup("a", "c");
    assertThat(rig.dev("a").attachDeferred()).isTrue();
    assertThat(rig.dev("c").attachDeferred()).isFalse();
    assertThat(rig.state("a").members().get(0).deferred()).isTrue();
    assertThat(rig.state("a").currentDomain()).isSameAs(rig.state("a").defaultDomain());
  }

  @Test // CORE-046: without the operation nothing is deferred
  void withoutTheOperationNothingIsDeferred() {
    rig.driver.operations.remove(IommuOp.IS_ATTACH_DEFERRED);
    rig.start();
    rig.add("a");
    assertThat(rig.takeCalls()).contains("attach a -> D1[DMA] (old null)");
  }

  @Test // CORE-195: any other domain ends the deferral
  void anyOtherDomainIsAttachedForReal() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    group.attach(domain);
    assertThat(rig.takeCalls()).containsExactly("attach a -> D2[UNMANAGED] (old D1)");
    assertThat(rig.dev("a").attachDeferred()).isFalse();
    group.detach(domain);
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old D2)");
    domain.close();
  }

  @Test // CORE-046: a failed attach to another domain ends it too
  void aFailedAttachToAnotherDomainEndsTheDeferral() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.hooks.fail("attach", "a", Errno.EINVAL);
    refused(Errno.EINVAL, () -> group.attach(domain));
    assertThat(rig.dev("a").attachDeferred()).isFalse();
    domain.close();
  }

  @Test // CORE-196
  void theDmaPathAttachesOnce() {
    rig.startWithGroup("a");
    rig.core().deferredAttach(rig.device("a"), defaultOf("a"));
    rig.core().deferredAttach(rig.device("a"), defaultOf("a"));
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old null)");
    assertThat(rig.dev("a").attachDeferred()).isFalse();
  }

  @Test // CORE-197: the flag is tested again under the lock
  void twoRacingCallersAttachOnce() throws InterruptedException {
    rig.startWithGroup("a");
    Domain domain = defaultOf("a");
    Thread second = new Thread(() -> rig.core().deferredAttach(rig.device("a"), domain));
    rig.hooks.once("attach", "a", () -> Rig.startUntilBlocked(second));
    rig.core().deferredAttach(rig.device("a"), domain);
    second.join();
    assertThat(rig.takeCalls()).containsExactly("attach a -> D1[DMA] (old null)");
  }

  @Test // CORE-196: on failure the flag stays
  void aFailedDeferredAttachStaysDeferred() {
    rig.startWithGroup("a");
    rig.hooks.fail("attach", "a", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> rig.core().deferredAttach(rig.device("a"), defaultOf("a")));
    assertThat(rig.dev("a").attachDeferred()).isTrue();
    rig.core().deferredAttach(rig.device("a"), defaultOf("a"));
    assertThat(rig.dev("a").attachDeferred()).isFalse();
  }

  @Test // CORE-196, CORE-905: not while parked for a reset
  void aParkedDeviceIsNotAttached() {
    rig.driver.defaultDomain = rig.driver.blocked;
    rig.pci("a", builder -> builder.ats(true));
    rig.startWithGroup("a");
    rig.core().resetPrepare(rig.device("a"));
    assertThat(rig.dev("a").attachDeferred()).isTrue();
    rig.refusedUnchanged(
        Errno.EBUSY, () -> rig.core().deferredAttach(rig.device("a"), defaultOf("a")));
    rig.core().resetDone(rig.device("a"));
    assertThat(rig.dev("a").attachDeferred()).isTrue();
  }

  @Test // CORE-196: free of locks when there is nothing to do
  void theFastPathTakesNoLock() {
    IommuGroup group = rig.startWithGroup("c");
    Domain domain = defaultOf("c");
    group.<Object>forEachDevice(
        device -> {
          rig.core().deferredAttach(device, domain);
          return null;
        });
    assertThat(rig.takeCalls()).isEmpty();
    rig.core().deferredAttach(rig.device("unprobed"), domain);
  }

  @Test // CORE-228, CORE-174: appendix scenario 18
  void aDeferredMemberStaysDeferredAcrossAChange() {
    IommuGroup group = rig.startWithGroup("a", "c");
    group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.takeCalls()).containsExactly("attach c -> identity (old D1)", "free D1");
    assertThat(rig.dev("a").attachDeferred()).isTrue();
  }

  @Test // CORE-228: a rollback ends the deferral
  void aRolledBackChangeEndsTheDeferral() {
    IommuGroup group = rig.startWithGroup("a", "c");
    rig.hooks.fail("attach", "c", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach c -> identity (old D1) = ENOMEM", "attach a -> D1[DMA] (old identity)");
    assertThat(rig.dev("a").attachDeferred()).isFalse();
  }

  @Test // CORE-433
  void aRolledBackAttachEndsTheDeferral() {
    IommuGroup group = rig.startWithGroup("a", "c");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    rig.hooks.fail("attach", "c", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.attach(domain));
    assertThat(rig.takeCalls())
        .containsExactly(
            "attach a -> D2[UNMANAGED] (old D1)",
            "attach c -> D2[UNMANAGED] (old D1) = ENOMEM",
            "attach a -> D1[DMA] (old D2)");
    assertThat(rig.dev("a").attachDeferred()).isFalse();
    domain.close();
  }

  @Test // CORE-606, CORE-608: hardware that was never attached is not touched at release
  void aDeferredDeviceIsReleasedWithoutItsReleaseDomain() {
    rig.driver.release = rig.driver.blocked;
    rig.startWithGroup("a", "c");
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.takeCalls()).containsExactly("release_device a");
    rig.core().releaseDevice(rig.device("c"));
    assertThat(rig.takeCalls())
        .containsExactly("attach c -> blocked (old D1)", "release_device c", "free D1");
  }

  @Test // CORE-904: a reset ends the deferral too
  void aResetEndsTheDeferral() {
    rig.pci("a", builder -> builder.ats(true));
    rig.startWithGroup("a");
    rig.core().resetPrepare(rig.device("a"));
    assertThat(rig.dev("a").attachDeferred()).isFalse();
    rig.core().resetDone(rig.device("a"));
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> blocked (old D1)", "attach a -> D1[DMA] (old blocked)");
  }

  @Test // CORE-315: a claim attaches for real
  void aClaimEndsTheDeferral() {
    IommuGroup group = rig.startWithGroup("a", "b");
    group.claimDmaOwner(new DmaOwner("vmm"));
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> blocked (old D1)", "attach b -> blocked (old D1)");
    group.releaseDmaOwner();
    assertThat(rig.takeCalls())
        .containsExactly("attach a -> D1[DMA] (old blocked)", "attach b -> D1[DMA] (old blocked)");
  }
}
