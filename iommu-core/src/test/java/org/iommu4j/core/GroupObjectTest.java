package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Group objects: what they are made of, their references, numbers, names, data, members. */
final class GroupObjectTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-020, CORE-801, CORE-808
  void aNewGroupIsEmptyAndHasOneReference() {
    IommuGroup group = rig.core().allocGroup();
    GroupSnapshot now = group.snapshot();
    assertThat(now.members()).isEmpty();
    assertThat(now.defaultDomain()).isNull();
    assertThat(now.currentDomain()).isNull();
    assertThat(now.blockingDomain()).isNull();
    assertThat(now.owner()).isNull();
    assertThat(now.ownerCount()).isZero();
    assertThat(now.recoveryCount()).isZero();
    assertThat(now.pasids()).isEmpty();
    assertThat(now.name()).isNull();
    assertThat(group.iommudata()).isNull();
    assertThat(now.references()).isEqualTo(1);
    assertThat(rig.journal.starting("env "))
        .containsExactly(
            "env allocate group",
            "env allocate_group_id",
            "env publish_group 0",
            "env publish_group_devices 0",
            "env publish_group_file 0 reserved_regions",
            "env publish_group_file 0 type");
  }

  @Test // CORE-021, CORE-031, CORE-800
  void theIdIsTheLowestFreeNumberAndComesBackWithTheLastReference() {
    IommuGroup zero = rig.core().allocGroup();
    IommuGroup one = rig.core().allocGroup();
    assertThat(List.of(zero.id(), one.id())).containsExactly(0, 1);
    zero.ref();
    zero.put();
    IommuGroup two = rig.core().allocGroup();
    assertThat(two.id()).isEqualTo(2);
    zero.put();
    assertThat(rig.core().allocGroup().id()).isZero();
    assertThat(zero.id()).isZero();
    assertThat(rig.core().groups()).extracting(IommuGroup::id).containsExactly(0, 1, 2);
  }

  @Test // CORE-022
  void refusedAllocationsLeaveNothingBehind() {
    refuses("env.allocate", "group", Errno.ENOMEM, Errno.ENOMEM);
    refuses("env.allocate_group_id", "id", Errno.ENOSPC, Errno.ENOSPC);
    refuses("env.publish_group", "0", Errno.EEXIST, Errno.EEXIST);
    assertThat(rig.journal.all()).doesNotContain("env unpublish_group 0");
    refuses("env.publish_group_devices", "0", Errno.EIO, Errno.ENOMEM);
    refuses("env.publish_group_file", "reserved_regions", Errno.EPERM, Errno.EPERM);
    refuses("env.publish_group_file", "type", Errno.EACCES, Errno.EACCES);
    assertThat(rig.journal.all()).contains("env unpublish_group 0");
    assertThat(rig.core().allocGroup().id()).isZero();
  }

  private void refuses(String callback, String subject, Errno given, Errno expected) {
    rig.journal.clear();
    rig.hooks.fail(callback, subject, given);
    refused(expected, () -> rig.core().allocGroup());
    assertThat(rig.core().groups()).isEmpty();
  }

  @Test // CORE-023, CORE-024, CORE-025
  void referencesAreCountedAndTakeNoLock() {
    rig.start();
    Device a = rig.device("a");
    assertThat(rig.core().group(a)).isEmpty();
    rig.add("a");
    IommuGroup group = rig.core().group(a).orElseThrow();
    assertThat(group.snapshot().references()).isEqualTo(2);
    assertThat(group.ref()).isSameAs(group);
    List<Integer> seen = new ArrayList<>();
    group.forEachDevice(
        device -> {
          seen.add(rig.core().group(device).orElseThrow().id());
          group.put();
          return null;
        });
    assertThat(seen).containsExactly(group.id());
    assertThat(group.snapshot().references()).isEqualTo(3);
    group.put();
    group.put();
    rig.core().releaseDevice(a);
    refused(Errno.ENODEV, group::ref);
    refused(Errno.ENODEV, group::put);
    assertThat(rig.core().groups()).isEmpty();
  }

  @Test // CORE-024, CORE-041
  void plainMembersHaveAGroupButNoIommu() {
    IommuGroup group = rig.core().allocGroup();
    Device a = rig.device("a");
    rig.core().addToGroup(group, a);
    assertThat(rig.core().group(a)).contains(group);
    assertThat(rig.core().deviceOf(a)).isEmpty();
    group.put();
    rig.core().removeFromGroup(a);
    group.put();
  }

  @Test // CORE-026
  void eachMemberAccountsForOneReference() {
    IommuGroup group = rig.startWithGroup("a", "b", "c");
    assertThat(group.snapshot().references()).isEqualTo(3);
    rig.core().releaseDevice(rig.device("b"));
    assertThat(group.snapshot().references()).isEqualTo(2);
    IommuGroup plain = rig.core().allocGroup();
    rig.core().addToGroup(plain, rig.device("p"));
    assertThat(plain.snapshot().references()).isEqualTo(2);
    plain.put();
    rig.core().removeFromGroup(rig.device("p"));
    refused(Errno.ENODEV, plain::snapshot);
  }

  @Test // CORE-026: consumers cannot drop what members hold
  void theReferencesOfMembersAreTheirs() {
    IommuGroup group = rig.startWithGroup("a");
    rig.refusedUnchanged(Errno.EINVAL, group::put);
  }

  @Test // CORE-027
  void theDataCallbackRunsFirstWhenTheGroupEnds() {
    IommuGroup group = rig.core().allocGroup();
    group.setName("vfio");
    List<String> seen = new ArrayList<>();
    group.setIommudata(
        null,
        data -> seen.add(data + " name=" + group.name() + " listed=" + rig.core().groups().size()));
    group.put();
    assertThat(seen).containsExactly("null name=vfio listed=1");
    assertThat(group.name()).isNull();
    assertThat(rig.core().allocGroup().id()).isZero();
  }

  @Test // CORE-028
  void settingDataReplacesDataAndCallback() {
    IommuGroup group = rig.core().allocGroup();
    List<String> seen = new ArrayList<>();
    group.setIommudata("one", data -> seen.add("first " + data));
    assertThat(group.iommudata()).isEqualTo("one");
    group.setIommudata("two", data -> seen.add("second " + data));
    assertThat(group.iommudata()).isEqualTo("two");
    assertThat(seen).isEmpty();
    group.put();
    assertThat(seen).containsExactly("second two");
  }

  @Test // CORE-028
  void dataWithoutCallbackJustGoesAway() {
    IommuGroup group = rig.core().allocGroup();
    group.setIommudata("one", null);
    group.put();
    assertThat(group.iommudata()).isEqualTo("one");
  }

  @Test // CORE-029, CORE-802
  void namesAppearChangeAndDisappear() {
    IommuGroup group = rig.core().allocGroup();
    rig.journal.clear();
    group.setName("first");
    assertThat(group.name()).isEqualTo("first");
    group.setName("second");
    assertThat(group.snapshot().name()).isEqualTo("second");
    group.setName(null);
    assertThat(group.name()).isNull();
    assertThat(rig.journal.starting("env "))
        .containsExactly(
            "env allocate group name",
            "env publish_group_file 0 name",
            "env unpublish_group_file 0 name",
            "env allocate group name",
            "env publish_group_file 0 name",
            "env unpublish_group_file 0 name");
  }

  @Test // CORE-029
  void aFailedRenameLeavesTheGroupUnnamed() {
    IommuGroup group = rig.core().allocGroup();
    group.setName("first");
    rig.hooks.fail("env.allocate", "group name", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.setName("second"));
    assertThat(group.name()).isNull();
    group.setName("third");
    rig.hooks.fail("env.publish_group_file", "name", Errno.EEXIST);
    refused(Errno.EEXIST, () -> group.setName("fourth"));
    assertThat(group.name()).isNull();
  }

  @Test // CORE-030
  void removingTheNameOfAnUnnamedGroupIsAFailedCopy() {
    IommuGroup group = rig.core().allocGroup();
    rig.refusedUnchanged(Errno.ENOMEM, () -> group.setName(null));
  }

  @Test // CORE-032
  void domainPointersFollowTheLastMember() {
    IommuGroup group = rig.startWithGroup("a", "b");
    group.ref();
    assertThat(rig.state("a").currentDomain()).isSameAs(rig.state("a").defaultDomain());
    assertThat(rig.state("a").blockingDomain()).isNull();
    rig.hooks.fail("attach", "b", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> group.claimDmaOwner(new org.iommu4j.api.DmaOwner("x")));
    assertThat(rig.state("a").blockingDomain()).isSameAs(rig.blocked());
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.state("b").blockingDomain()).isNotNull();
    rig.core().releaseDevice(rig.device("b"));
    assertThat(group.snapshot().defaultDomain()).isNull();
    assertThat(group.snapshot().currentDomain()).isNull();
    assertThat(group.snapshot().blockingDomain()).isNull();
    group.put();
  }

  @Test // CORE-036, CORE-810, CORE-1000
  void publishingAMemberHasAnOrder() {
    rig.start();
    rig.add("a");
    assertThat(rig.journal.all())
        .containsSubsequence(
            "env allocate group_device",
            "env link_member a 0",
            "env link_in_group 0 a",
            "event add g0 a",
            "alloc_paging a = D1");
    assertThat(rig.tracer.messages).contains(CoreMessage.ADD_TO_GROUP);
    assertThat(rig.state("a").members().get(0).linkName()).isEqualTo("a");
  }

  @Test // CORE-037
  void takenNamesGetANumber() {
    rig.start();
    rig.sharing("shared", "a");
    rig.add("a");
    rig.driver.keys.put("twin", "shared");
    Device second = PciDevice.builder("a", PciBus.root(0, 1), 0, 0).build();
    Device third = PciDevice.builder("a", PciBus.root(0, 2), 0, 0).build();
    rig.core().probeDevice(second);
    rig.core().probeDevice(third);
    assertThat(rig.state("a").members())
        .extracting(GroupSnapshot.Member::linkName)
        .containsExactly("a", "a.0", "a.1");
    rig.core().releaseDevice(second);
    Device fourth = PciDevice.builder("a", PciBus.root(0, 3), 0, 0).build();
    rig.core().probeDevice(fourth);
    assertThat(rig.state("a").members())
        .extracting(GroupSnapshot.Member::linkName)
        .containsExactly("a", "a.1", "a.0");
  }

  @Test // CORE-037: whoever publishes may know of more names
  void collisionsInTheEnvironmentCountToo() {
    rig.start();
    rig.hooks.fail("env.link_in_group", "a", Errno.EEXIST);
    rig.hooks.fail("env.link_in_group", "a.0", Errno.EEXIST);
    rig.add("a");
    assertThat(rig.state("a").members().get(0).linkName()).isEqualTo("a.1");
    rig.hooks.fail("env.link_in_group", "b", Errno.ENOSPC);
    assertThat(rig.addFailing("b").errno()).isEqualTo(Errno.ENOSPC);
    assertThat(rig.journal.all()).doesNotContain("env link_in_group 1 b.0");
  }

  @ParameterizedTest // CORE-038, CORE-810
  @ValueSource(strings = {"env.allocate", "env.link_member", "env.link_in_group"})
  void aRefusedMemberIsWithdrawnWithoutATrace(String callback) {
    IommuGroup group = rig.core().allocGroup();
    rig.journal.clear();
    rig.hooks.fail(callback, callback.equals("env.allocate") ? "group_device" : "a", Errno.EPERM);
    refused(Errno.EPERM, () -> rig.core().addToGroup(group, rig.device("a")));
    assertThat(rig.core().group(rig.device("a"))).isEmpty();
    assertThat(rig.journal.starting("event ")).isEmpty();
    assertThat(rig.tracer.messages).contains(CoreMessage.ADD_FAILED);
    assertThat(group.snapshot().references()).isEqualTo(1);
    long links = rig.journal.starting("env link_member a 0").size();
    assertThat(rig.journal.starting("env unlink_member a 0"))
        .hasSize(callback.equals("env.link_in_group") ? 1 : 0);
    assertThat(links).isLessThanOrEqualTo(1);
  }

  @Test // CORE-039, CORE-007
  void visitsMembersInListOrderUntilAnAnswer() {
    IommuGroup group = rig.startWithGroup("a", "b", "c");
    List<Device> seen = new ArrayList<>();
    String answer =
        group.forEachDevice(
            device -> {
              seen.add(device);
              return device == rig.device("b") ? "found" : null;
            });
    assertThat(answer).isEqualTo("found");
    assertThat(seen).containsExactly(rig.device("a"), rig.device("b"));
    Object nothing = group.<Object>forEachDevice(device -> null);
    assertThat(nothing).isNull();
    Object empty = rig.core().allocGroup().<Object>forEachDevice(Objects::requireNonNull);
    assertThat(empty).isNull();
  }

  @Test // CORE-040
  void theLockContextTellsWhetherTheGroupLockIsHeld() {
    IommuGroup group = rig.startWithGroup("a");
    assertThat(rig.core().lockContext().group()).isFalse();
    Boolean inside = group.forEachDevice(device -> rig.core().lockContext().group());
    assertThat(inside).isTrue();
  }

  @Test // CORE-042
  void isolatedMsiIsTheAndOverAllMembers() {
    rig.pci("b", builder -> builder.isolatedMsi(false));
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.hasIsolatedMsi()).isTrue();
    rig.sharing("shared", "b");
    rig.add("b");
    assertThat(group.hasIsolatedMsi()).isFalse();
    assertThat(rig.core().allocGroup().hasIsolatedMsi()).isTrue();
  }

  @Test // CORE-045
  void thePasidLimitIsTheSmallerOfDeviceAndInstance() {
    rig.iommu.maxPasids = 16;
    rig.pci("few", builder -> builder.pasidLimit(4));
    rig.pci("many", builder -> builder.pasidLimit(64));
    rig.start();
    rig.add("few", "many", "none");
    assertThat(rig.dev("few").maxPasids()).isEqualTo(4);
    assertThat(rig.dev("many").maxPasids()).isEqualTo(16);
    assertThat(rig.dev("none").maxPasids()).isZero();
  }

  @Test // CORE-045: computed after device_group
  void thePasidLimitIsUnknownWhileTheDriverProbes() {
    rig.pci("a", builder -> builder.pasidLimit(4));
    List<Integer> seen = new ArrayList<>();
    rig.driver.grouping =
        (device, groups) -> {
          seen.add(device.maxPasids());
          return groups.generic();
        };
    rig.start();
    rig.add("a");
    assertThat(seen).containsExactly(0);
    assertThat(rig.dev("a").maxPasids()).isEqualTo(4);
  }

  @Test // CORE-050
  void driverDataNeedsTheProbeLock() {
    rig.start();
    rig.hooks.once("release_device", "a", () -> assertThat(rig.dev("a").priv()).isEqualTo("mine"));
    rig.driver.grouping =
        (device, groups) -> {
          device.setPriv("mine");
          return groups.generic();
        };
    rig.add("a");
    assertThat(rig.dev("a").priv()).isEqualTo("mine");
    refused(Errno.EPERM, () -> rig.dev("a").setPriv("other"));
    assertThat(rig.dev("a").priv()).isEqualTo("mine");
    rig.core().releaseDevice(rig.device("a"));
  }

  @Test // CORE-049
  void oneSharedFlushQueueIsSelectedByTheDriver() {
    rig.start();
    rig.driver.grouping =
        (device, groups) -> {
          device.setShadowOnFlush();
          return groups.generic();
        };
    List<Boolean> seen = new ArrayList<>();
    rig.hooks.once("dma.setup", "a", () -> seen.add(rig.dev("a").shadowOnFlush()));
    rig.add("a");
    assertThat(seen).containsExactly(true);
  }

  @Test // CORE-044: a released device looks as if it had never been seen
  void releasedDevicesStartAfresh() {
    rig.start();
    rig.add("a");
    var first = rig.dev("a");
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.core().deviceOf(rig.device("a"))).isEmpty();
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.dev("a")).isNotSameAs(first);
    refused(Errno.ENODEV, first::group);
  }

  @Test // CORE-043
  void withoutMemoryThereIsNoObject() {
    rig.start();
    rig.hooks.fail("env.allocate", "dev_iommu", Errno.ENOMEM);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENOMEM);
    assertThat(rig.takeCalls()).isEmpty();
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.journal.starting("env allocate dev_iommu")).hasSize(1);
  }

  @Test // CORE-035: a group is queued once, and off the list before its set-up
  void aReplaySetsEachGroupUpOnce() {
    rig.startWithGroup("a", "b");
    rig.core().unregister(rig.iommu);
    rig.journal.clear();
    rig.core().register(rig.iommu);
    assertThat(rig.journal.starting("alloc_paging")).hasSize(1);
  }
}
