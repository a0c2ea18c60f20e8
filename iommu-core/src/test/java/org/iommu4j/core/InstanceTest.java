package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.BusType;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DeviceGroups;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Registering IOMMUs, finding them, and taking them away. */
final class InstanceTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-052, CORE-054
  void registrationProbesWhatIsThereAndListsTheInstance() {
    rig.addFailing("a");
    rig.addFailing("b");
    rig.core().register(rig.iommu);
    assertThat(rig.core().instances()).containsExactly(rig.iommu);
    assertThat(rig.core().deviceOf(rig.device("a"))).isPresent();
    assertThat(rig.dev("b").iommu()).isSameAs(rig.iommu);
  }

  @Test // CORE-053
  void busesAreProbedInAFixedOrder() {
    List<BusType> backwards =
        List.of(
            BusType.CDX,
            BusType.HOST1X,
            BusType.FSL_MC,
            BusType.AMBA,
            BusType.PCI,
            BusType.PLATFORM);
    for (BusType bus : backwards) {
      if (bus == BusType.PCI) {
        rig.addFailing("PCI");
      } else {
        rig.core().addDevice(PlatformDevice.builder(bus.name()).bus(bus).build());
      }
    }
    rig.journal.clear();
    rig.core().register(rig.iommu);
    assertThat(rig.journal.starting("probe_device"))
        .containsExactly(
            "probe_device PLATFORM",
            "probe_device PCI",
            "probe_device AMBA",
            "probe_device FSL_MC",
            "probe_device HOST1X",
            "probe_device CDX");
  }

  @Test // CORE-053, CORE-064: appendix scenario 15
  void aFailedReplayUndoesTheRegistration() {
    rig.addFailing("a");
    rig.addFailing("b");
    rig.addFailing("c");
    rig.journal.clear();
    rig.hooks.fail("probe_device", "b", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> rig.core().register(rig.iommu));
    assertThat(rig.takeCalls())
        .containsExactly(
            "probe_device a", "device_group a", "probe_device b = ENOMEM", "release_device a");
    assertThat(rig.core().instances()).isEmpty();
    assertThat(rig.core().deviceOf(rig.device("a"))).isEmpty();
    assertThat(rig.core().groups()).isEmpty();
    rig.core().register(rig.iommu);
    assertThat(rig.core().deviceOf(rig.device("c"))).isPresent();
  }

  @Test // CORE-054: several instances and several drivers at a time
  void driversCoexist() {
    FirmwareNode node = new FirmwareNode("other");
    FakeDriver other = rig.newDriver("other");
    FakeInstance second = new FakeInstance("i1", other, node);
    other.instances.add(second);
    rig.start();
    rig.core().register(second);
    rig.add("a");
    rig.pci("b", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.add("b");
    assertThat(rig.dev("a").iommu()).isSameAs(rig.iommu);
    assertThat(rig.dev("b").iommu()).isSameAs(second);
    assertThat(rig.core().instances()).containsExactly(rig.iommu, second);
  }

  @Test // CORE-054, CORE-071: a device waits for an instance that is not ready
  void anInstanceIsReadyOnlyAfterAllBuses() {
    FirmwareNode node = new FirmwareNode("iommu");
    FakeInstance instance = rig.instanceAt(node);
    rig.addFailing("early");
    rig.core();
    List<Errno> seen = new ArrayList<>();
    rig.pci("trigger", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.addFailing("trigger");
    rig.hooks.once(
        "probe_finalize",
        "trigger",
        () ->
            seen.add(
                refused(Errno.EPROBE_DEFER, () -> rig.core().initFwspec(rig.device("late"), node))
                    .errno()));
    rig.core().register(instance);
    assertThat(seen).containsExactly(Errno.EPROBE_DEFER);
    rig.core().initFwspec(rig.device("late"), node);
    rig.core().releaseDevice(rig.device("late"));
  }

  @Test // CORE-055, CORE-615
  void unregisteringReleasesTheDevicesOfThisInstanceOnly() {
    FirmwareNode node = new FirmwareNode("second");
    FakeInstance second = rig.instanceAt(node);
    rig.start();
    rig.core().register(second);
    rig.pci("b", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.add("a", "b");
    rig.core().bindDriver(rig.device("b"), false);
    rig.journal.clear();
    rig.core().unregister(second);
    assertThat(rig.takeCalls()).contains("release_device b").doesNotContain("release_device a");
    assertThat(rig.core().instances()).containsExactly(rig.iommu);
    assertThat(rig.core().deviceOf(rig.device("b"))).isEmpty();
    assertThat(rig.takeViolations()).containsExactly("1013 empty-group-in-use");
    refused(Errno.ENODEV, () -> rig.core().unregister(second));
    rig.core().unbindDriver(rig.device("b"));
  }

  @Test // CORE-055: "ready" is not reset
  void anInstanceThatComesBackIsReadyAtOnce() {
    FirmwareNode node = new FirmwareNode("iommu");
    FakeInstance instance = rig.instanceAt(node);
    rig.core().register(instance);
    rig.core().unregister(instance);
    rig.pci("trigger", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.addFailing("trigger");
    rig.hooks.once(
        "probe_finalize", "trigger", () -> rig.core().initFwspec(rig.device("late"), node));
    rig.core().register(instance);
    assertThat(rig.journal.all()).contains("probe_finalize trigger");
    rig.core().releaseDevice(rig.device("late"));
  }

  @Test // CORE-055, CORE-131, CORE-612
  void theSingletonGroupOutlivesItsDevicesButNotItsInstance() {
    rig.driver.grouping = (device, groups) -> groups.singleton();
    rig.start();
    rig.add("a", "b");
    IommuGroup group = rig.group("a");
    assertThat(rig.group("b")).isSameAs(group);
    assertThat(group.snapshot().references()).isEqualTo(3);
    rig.core().releaseDevice(rig.device("a"));
    rig.core().releaseDevice(rig.device("b"));
    assertThat(group.snapshot().references()).isEqualTo(1);
    assertThat(group.typeText()).isEqualTo("unknown");
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.group("a")).isSameAs(group);
    rig.core().unregister(rig.iommu);
    refused(Errno.ENODEV, group::snapshot);
  }

  @Test // CORE-056: first match in registration order, by identity
  void lookUpIsByIdentityInRegistrationOrder() {
    FirmwareNode node = new FirmwareNode("same name");
    FirmwareNode twin = new FirmwareNode("same name");
    FakeInstance first = rig.instanceAt(twin);
    FakeInstance second = rig.instanceAt(node);
    rig.core().register(first);
    rig.core().register(second);
    rig.pci("a", builder -> builder.iommu(IommuSpecifier.of(node)));
    rig.add("a");
    assertThat(rig.dev("a").iommu()).isSameAs(second);
    assertThat(rig.addFailing("nodeless").errno()).isEqualTo(Errno.ENODEV);
    rig.core().register(rig.iommu);
    assertThat(rig.dev("nodeless").iommu()).isNotNull();
  }

  @Test // CORE-060
  void eachProbedDevicePinsItsDriver() {
    rig.start();
    rig.add("a", "b");
    assertThat(rig.env.pins()).isEqualTo(2);
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.env.pins()).isEqualTo(1);
    assertThat(rig.journal.all())
        .containsSubsequence("env pin_driver fake", "probe_device a")
        .containsSubsequence("release_device a", "env unpin_driver fake");
  }

  @Test // CORE-060: of_xlate runs under a reference of its own
  void translationPinsTheDriverForAShortWhile() {
    FirmwareNode node = new FirmwareNode("iommu");
    FakeInstance instance = rig.instanceAt(node);
    rig.core().register(instance);
    rig.pci("a", builder -> builder.iommu(new IommuSpecifier(node, List.of(7))));
    rig.add("a");
    assertThat(rig.journal.all())
        .containsSubsequence(
            "env pin_driver fake",
            "of_xlate a [7]",
            "env unpin_driver fake",
            "env pin_driver fake",
            "probe_device a");
    assertThat(rig.env.pins()).isEqualTo(1);
  }

  @Test // CORE-131
  void aFailedSingletonIsNotCached() {
    rig.driver.grouping = (device, groups) -> groups.singleton();
    rig.start();
    rig.hooks.fail("env.allocate_group_id", "id", Errno.ENOSPC);
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.ENOSPC);
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.group("a").snapshot().references()).isEqualTo(2);
  }

  @Test // CORE-130
  void genericGroupsAreAlwaysNew() {
    rig.driver.grouping = (device, groups) -> groups.generic();
    rig.start();
    rig.add("a", "b");
    assertThat(rig.group("a")).isNotSameAs(rig.group("b"));
    rig.hooks.fail("env.publish_group", "2", Errno.EEXIST);
    assertThat(rig.addFailing("c").errno()).isEqualTo(Errno.EEXIST);
  }

  @Test // CORE-132
  void containersShareTheirGroup() {
    rig.driver.grouping = (device, groups) -> groups.container();
    rig.pci("parent", builder -> builder);
    rig.pci("child", builder -> builder.container(rig.device("parent")));
    rig.pci("orphan", builder -> builder.container(rig.device("elsewhere")));
    rig.start();
    rig.add("parent", "child", "orphan");
    assertThat(rig.group("child")).isSameAs(rig.group("parent"));
    assertThat(rig.group("orphan")).isNotSameAs(rig.group("parent"));
    assertThat(rig.group("parent").snapshot().references()).isEqualTo(2);
  }

  @Test // CORE-133, CORE-148
  void driversMayLookForThemselves() {
    rig.driver.grouping =
        (device, groups) ->
            device.toString().equals("b")
                ? groups.of(rig.device("a")).orElseThrow()
                : groups.generic();
    rig.start();
    rig.add("a", "b");
    assertThat(rig.group("b")).isSameAs(rig.group("a"));
    assertThat(rig.group("a").snapshot().references()).isEqualTo(2);
  }

  @Test // CORE-134, CORE-1016
  void pciGroupsAreForPciDevices() {
    rig.driver.grouping = (device, groups) -> groups.pci();
    rig.start();
    var platform = PlatformDevice.builder("p").build();
    assertThat(refused(Errno.EINVAL, () -> rig.core().probeDevice(platform)))
        .hasMessageContaining("p is not a PCI device");
    assertThat(rig.takeViolations()).containsExactly("1016 not-pci");
    rig.add("a");
    assertThat(rig.group("a").id()).isZero();
  }

  @Test // CORE-131, CORE-133: the choices answer existing groups with a new reference
  void choicesTakeReferences() {
    List<Integer> counts = new ArrayList<>();
    rig.driver.grouping =
        (device, groups) -> {
          if (device.toString().equals("b")) {
            return counting(groups, counts);
          }
          return groups.generic();
        };
    rig.start();
    rig.add("a", "b");
    assertThat(counts).containsExactly(1, 2);
    assertThat(rig.group("a").snapshot().references()).isEqualTo(2);
  }

  private IommuGroup counting(DeviceGroups groups, List<Integer> counts) {
    counts.add(rig.group("a").snapshot().references());
    IommuGroup found = groups.of(rig.device("a")).orElseThrow();
    counts.add(found.snapshot().references());
    return found;
  }

  @Test // CORE-920: domains are made per device by the driver that serves it
  void domainsComeFromTheServingDriver() {
    rig.start();
    rig.add("a");
    assertThat(rig.journal.starting("alloc_paging")).containsExactly("alloc_paging a = D1");
    assertThat(rig.state("a").defaultDomain()).isNotNull();
    assertThat(rig.state("a").defaultDomain().type()).isEqualTo(DomainType.DMA);
    refused(Errno.ENODEV, () -> rig.core().allocPagingDomain(rig.device("unprobed")));
  }
}
