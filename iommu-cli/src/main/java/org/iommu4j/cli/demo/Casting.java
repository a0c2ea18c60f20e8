package org.iommu4j.cli.demo;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import org.iommu4j.api.Device;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.testkit.FakeDriver;
import org.iommu4j.testkit.FakeMachine;

/** Who plays which part: chosen once from the devices that a machine has. */
final class Casting {
  private static final int STARS = 6;
  private static final int EXTRAS = 4;
  private static final FakeDriver MADE_UP = FakeDriver.usingDmaApi("demo");

  private final FakeMachine machine;
  private final PciTopology topology;

  Casting(FakeMachine machine, PciTopology topology) {
    this.machine = machine;
    this.topology = topology;
  }

  /**
   * Gives drivers to machines of which too few were recorded.
   *
   * @return the devices that got a made-up one
   */
  List<Device> addMissingDrivers() {
    List<Device> added = new ArrayList<>();
    if (users(served()).size() < 2) {
      served().stream()
          .filter(device -> machine.driver(device).isEmpty())
          .sorted(Comparator.comparingInt(this::appeal))
          .limit(EXTRAS)
          .forEach(added::add);
    }
    largestGroup()
        .ifPresent(
            group -> {
              List<Device> members = members(group);
              if (users(members).isEmpty()) {
                members.stream()
                    .filter(device -> machine.driver(device).isEmpty() && !added.contains(device))
                    .limit(2)
                    .forEach(added::add);
              }
            });
    added.forEach(device -> machine.bind(device, MADE_UP));
    return added;
  }

  /** The devices whose DMA is shown. */
  List<Device> stars() {
    return users(served()).stream()
        .sorted(Comparator.comparingInt(this::appeal))
        .limit(STARS)
        .toList();
  }

  /** The group with several devices, if there is any, that most drivers use. */
  IommuGroup crowd() {
    return best(group -> true, group -> 2 * users(members(group)).size())
        .orElseThrow(() -> new IllegalStateException("no device of this machine has an IOMMU"));
  }

  /** Another group, best one with a graphics card, for a virtual machine. */
  IommuGroup forVirtualMachine() {
    IommuGroup crowd = crowd();
    return best(group -> group != crowd && !users(members(group)).isEmpty(), this::worthForGuests)
        .orElse(crowd);
  }

  private int worthForGuests(IommuGroup group) {
    return members(group).stream().anyMatch(device -> appeal(device) == 2) ? 20 : 0;
  }

  private Optional<IommuGroup> largestGroup() {
    return best(group -> true, group -> members(group).size()).filter(group -> isShared(group));
  }

  /** The first group with the highest worth; one that several devices share is worth more. */
  private Optional<IommuGroup> best(
      Predicate<IommuGroup> eligible, ToIntFunction<IommuGroup> worth) {
    IommuGroup best = null;
    int most = -1;
    for (IommuGroup group : machine.core().groups()) {
      int value = worth.applyAsInt(group) + (isShared(group) ? 100 : 0);
      if (eligible.test(group) && value > most) {
        best = group;
        most = value;
      }
    }
    return Optional.ofNullable(best);
  }

  private boolean isShared(IommuGroup group) {
    return members(group).size() > 1;
  }

  /** The members of a group, in list order. */
  List<Device> members(IommuGroup group) {
    return group.snapshot().members().stream().map(GroupSnapshot.Member::device).toList();
  }

  /** Those of some devices whose driver uses the DMA API. */
  List<Device> users(List<Device> devices) {
    return devices.stream()
        .filter(device -> machine.driver(device).filter(driver -> !driver.managesDma()).isPresent())
        .toList();
  }

  private List<Device> served() {
    return machine.devices().stream()
        .filter(device -> machine.core().deviceOf(device).isPresent())
        .toList();
  }

  private int appeal(Device device) {
    return DeviceClass.appeal(classCode(device));
  }

  String classCode(Device device) {
    return device instanceof PciDevice pci ? topology.classCode(pci).orElse("") : "";
  }
}
