package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.Hooks;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Table 2 of the rules, row by row: what ran, which errno, what is undone and in which order. */
final class ProbeFailureTest {
  @RegisterExtension final Rig rig = new Rig();

  /** Driver callbacks, instance links, pins and group ends: what table 2 talks about. */
  private List<String> ledger() {
    return rig.journal.all().stream()
        .filter(
            line ->
                !line.startsWith("?def")
                    && !line.startsWith("?resv")
                    && !line.startsWith("?operations")
                    && !line.startsWith("env allocate")
                    && !line.startsWith("env publish")
                    && !line.startsWith("env dma_configure"))
        .toList();
  }

  private void assertGone(IommuException failure, Errno expected) {
    assertThat(failure.errno()).isEqualTo(expected);
    assertThat(rig.core().deviceOf(rig.device("a"))).isEmpty();
    assertThat(rig.core().group(rig.device("a"))).isEmpty();
    assertThat(rig.env.pins()).isZero();
    // A retry works, with the lowest number again: nothing was left behind.
    rig.hooks.clear();
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.group("a").id()).isZero();
  }

  @Test // CORE-043, CORE-102: row 1
  void noMemoryForTheObject() {
    rig.start();
    rig.hooks.fail("env.allocate", "dev_iommu", Errno.ENOMEM);
    IommuException failure = rig.addFailing("a");
    assertThat(ledger()).isEmpty();
    assertGone(failure, Errno.ENOMEM);
  }

  @Test // CORE-104: row 3
  void noInstance() {
    IommuException failure = rig.addFailing("a");
    assertThat(ledger()).isEmpty();
    rig.start();
    assertThat(failure.errno()).isEqualTo(Errno.ENODEV);
    assertThat(rig.core().deviceOf(rig.device("a"))).isPresent();
  }

  @Test // CORE-105: row 4
  void noModuleReference() {
    rig.start();
    rig.env.pinnable = false;
    IommuException failure = rig.addFailing("a");
    assertThat(ledger()).containsExactly("env pin_driver fake");
    rig.env.pinnable = true;
    assertGone(failure, Errno.EINVAL);
  }

  @Test // CORE-106: row 5
  void theDriverRefuses() {
    rig.start();
    rig.hooks.fail("probe_device", "a", Errno.EPERM);
    IommuException failure = rig.addFailing("a");
    assertThat(ledger())
        .containsExactly("env pin_driver fake", "probe_device a = EPERM", "env unpin_driver fake");
    assertGone(failure, Errno.EPERM);
  }

  @Test // CORE-107, CORE-824, CORE-811: row 6
  void theInstanceLinkIsRefused() {
    rig.start();
    rig.hooks.fail("env.link_instance", "a", Errno.EEXIST);
    IommuException failure = rig.addFailing("a");
    assertThat(ledger())
        .containsExactly(
            "env pin_driver fake",
            "probe_device a",
            "env link_instance a i0 = EEXIST",
            "release_device a",
            "env unpin_driver fake");
    assertGone(failure, Errno.EEXIST);
  }

  @Test // CORE-108: row 7, an error of the driver
  void theDriverHasNoGroup() {
    rig.start();
    rig.showLocks();
    rig.hooks.fail("device_group", "a", Errno.ENOSPC);
    IommuException failure = rig.addFailing("a");
    assertThat(ledger())
        .containsExactly(
            "env pin_driver fake @P",
            "probe_device a @P",
            "env link_instance a i0 @P",
            "device_group a = ENOSPC @P",
            "env unlink_instance a i0 @P",
            "release_device a @P",
            "env unpin_driver fake @P");
    assertGone(failure, Errno.ENOSPC);
  }

  @Test // CORE-108, CORE-1011: row 7, a null group; the warning comes once
  void theDriverAnswersNull() {
    rig.start();
    rig.hooks.nullNext("device_group");
    IommuException failure = rig.addFailing("a");
    assertThat(rig.takeViolations()).containsExactly("1011 device-group-null");
    rig.hooks.nullNext("device_group");
    assertThat(rig.addFailing("b").errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.takeViolations()).isEmpty();
    assertGone(failure, Errno.EINVAL);
  }

  @Test // CORE-112, CORE-606: row 8 and appendix scenario 22
  void theMemberLinkIsRefused() {
    rig.driver.release = rig.driver.blocked;
    rig.driver.operations.add(IommuOp.IS_ATTACH_DEFERRED);
    rig.start();
    rig.showLocks();
    rig.hooks.fail("env.link_member", "a", Errno.EEXIST);
    IommuException failure = rig.addFailing("a");
    assertThat(ledger())
        .containsExactly(
            "env pin_driver fake @P",
            "probe_device a @P",
            "env link_instance a i0 @P",
            "device_group a @P",
            "?is_attach_deferred a @P",
            "env link_member a 0 = EEXIST @P",
            "env unlink_instance a i0 @PG",
            "attach a -> blocked (old null) @PG",
            "release_device a @PG",
            "env unpin_driver fake @PG",
            "env unpublish_group 0 @P");
    assertGone(failure, Errno.EEXIST);
  }

  @Test // CORE-112: row 8, the member entry itself
  void noMemoryForTheMember() {
    rig.start();
    rig.hooks.fail("env.allocate", "group_device", Errno.ENOMEM);
    IommuException failure = rig.addFailing("a");
    assertThat(ledger())
        .containsSubsequence(
            "device_group a",
            "env unlink_instance a i0",
            "release_device a",
            "env unpin_driver fake",
            "env unpublish_group 0");
    assertGone(failure, Errno.ENOMEM);
  }

  @Test // CORE-112: row 8 in a group with other members, whose domains stay
  void aRefusedMemberDoesNotFreeTheGroupsDomains() {
    rig.startWithGroup("x");
    rig.sharing("shared", "a");
    rig.hooks.fail("env.link_member", "a", Errno.EEXIST);
    rig.addFailing("a");
    assertThat(rig.journal.starting("free")).isEmpty();
    assertThat(rig.state("x").references()).isEqualTo(1);
  }

  @Test // CORE-115, CORE-119: row 9
  void theAttachToTheCurrentDomainIsRefused() {
    IommuGroup group = rig.startWithGroup("x");
    group.claimDmaOwner(new DmaOwner("vmm"));
    PagingDomain consumer = rig.domain("x");
    group.attach(consumer);
    rig.sharing("shared", "a");
    rig.journal.clear();
    rig.hooks.fail("attach", "a", Errno.ENOSPC);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENOSPC);
    assertThat(ledger())
        .containsExactly(
            "env pin_driver fake",
            "probe_device a",
            "env link_instance a i0",
            "device_group a",
            "env link_member a 0",
            "env link_in_group 0 a",
            "event add g0 a",
            "attach a -> D2[UNMANAGED] (old null) = ENOSPC",
            "env unlink_in_group 0 a",
            "env unlink_member a 0",
            "event remove g0 a",
            "env unlink_instance a i0",
            "release_device a",
            "env unpin_driver fake");
    assertThat(group.snapshot().currentDomain()).isSameAs(consumer);
    group.detach(consumer);
    consumer.close();
    group.releaseDmaOwner();
  }

  @Test // CORE-116, CORE-156: row 10, a refused type
  void theTypeIsRefusedAtHotAdd() {
    rig.pci("a", builder -> builder.untrusted(true));
    rig.driver.wishes.put("a", DomainType.IDENTITY);
    rig.start();
    IommuException failure = rig.addFailing("a");
    assertThat(rig.takeCalls())
        .containsExactly("probe_device a", "device_group a", "release_device a");
    assertThat(failure.errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.core().groups()).isEmpty();
  }

  @Test // CORE-172: row 10, a refused cookie
  void theCookieIsRefusedAtHotAdd() {
    rig.start();
    rig.hooks.fail("dma.get_cookie", Hooks.ANY, Errno.ENOMEM);
    IommuException failure = rig.addFailing("a");
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device a",
            "device_group a",
            "alloc_paging a = D1",
            "free D1",
            "release_device a");
    assertGone(failure, Errno.ENOMEM);
  }

  @Test // CORE-175, CORE-611, CORE-021: row 10 and appendix scenario 11
  void theFirstAttachIsRefused() {
    rig.start();
    rig.hooks.fail("attach", "a", Errno.ENODEV);
    IommuException failure = rig.addFailing("a");
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device a",
            "device_group a",
            "alloc_paging a = D1",
            "attach a -> D1[DMA] (old null) = ENODEV",
            "release_device a",
            "free D1");
    assertThat(rig.takeViolations()).containsExactly("1018 first-attach-failed");
    assertGone(failure, Errno.ENODEV);
  }

  @Test // CORE-065, CORE-053: row 11
  void theSetUpIsRefusedInAReplay() {
    rig.sharing("g", "a", "b");
    rig.addFailing("a");
    rig.addFailing("b");
    rig.core();
    rig.journal.clear();
    rig.hooks.fail("attach", "b", Errno.ENOMEM);
    Rig.refused(Errno.ENOMEM, () -> rig.core().register(rig.iommu));
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device a",
            "device_group a",
            "probe_device b",
            "device_group b",
            "alloc_paging a = D1",
            "attach a -> D1[DMA] (old null)",
            "attach b -> D1[DMA] (old null) = ENOMEM",
            "release_device a",
            "release_device b",
            "free D1");
    assertThat(rig.takeViolations()).containsExactly("1018 first-attach-failed");
    assertThat(rig.core().instances()).isEmpty();
  }
}
