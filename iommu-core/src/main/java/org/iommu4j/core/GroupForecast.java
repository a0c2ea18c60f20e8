package org.iommu4j.core;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.Device;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.api.grouping.SplitAdvice;
import org.iommu4j.api.grouping.WhatIf;
import org.iommu4j.core.grouping.Forecast;
import org.iommu4j.core.grouping.SplitFinder;

/**
 * Which groups a machine will have, and why, without booting it.
 *
 * <pre>{@code
 * PciTopology machine = MachineFile.read(Path.of("lspci.txt"));
 * for (PredictedGroup group : GroupForecast.of(machine).groups()) {
 *   for (PredictedGroup.Member member : group.members()) {
 *     member.reasons().forEach(reason -> System.out.println(reason.sentence()));
 *   }
 * }
 * }</pre>
 *
 * <p>The search is the one of the probe of a live core (CORE-134 to 145, device tables included),
 * so a core to which the same devices are added in the same order forms the same groups. The cost
 * grows with the number of devices and with the square of the functions on one bus, of which there
 * are at most 256.
 */
public final class GroupForecast {
  private static final int IOMMU_CLASS = 0x0806;

  private GroupForecast() {}

  /**
   * The groups of a described machine as it is.
   *
   * @param machine functions and the facts about them
   * @return the groups, in the order in which a boot makes them
   */
  @Mirrors("pci_device_group")
  public static GroupPrediction of(PciTopology machine) {
    return of(machine, WhatIf.NOTHING);
  }

  /**
   * The groups of a described machine after some changes.
   *
   * <p>If groups are recorded, the functions without one are those that no IOMMU serves; they stay
   * without. If none are recorded, all functions get one except the IOMMUs themselves (class 0806).
   *
   * @param machine functions and the facts about them
   * @param whatIf what to change
   * @return the groups, in the order in which a boot makes them
   */
  public static GroupPrediction of(PciTopology machine, WhatIf whatIf) {
    return of(machine, machine.devices(), whatIf);
  }

  private static GroupPrediction of(PciTopology machine, List<PciDevice> devices, WhatIf whatIf) {
    boolean recorded = !machine.recordedGroups().isEmpty();
    Forecast forecast = new Forecast(whatIf);
    devices.forEach(forecast::appear);
    for (PciDevice device : devices) {
      boolean served =
          recorded
              ? machine.recordedGroup(device).isPresent()
              : device.classCode() >> 8 != IOMMU_CLASS;
      if (served) {
        forecast.probe(device);
      } else {
        forecast.leave(device);
      }
    }
    return forecast.result();
  }

  /**
   * What would split a group of a described machine. The answer is found by prediction: with the
   * changes it names, the members come out as the parts it names.
   *
   * @param machine functions and the facts about them
   * @param whatIf the changes that led to the prediction
   * @param prediction the groups of the machine with these changes
   * @param group one of them
   * @return the access control functions to be switched on, and the parts
   */
  public static SplitAdvice split(
      PciTopology machine, WhatIf whatIf, GroupPrediction prediction, PredictedGroup group) {
    // Nothing outside of the trees of buses that the group touches has a say.
    Set<PciBus> roots = new HashSet<>();
    for (Device member : group.devices()) {
      if (member instanceof PciDevice function) {
        roots.add(root(function));
        roots.add(root(function.dmaDevice()));
      }
    }
    List<PciDevice> concerned =
        machine.devices().stream()
            .filter(
                device -> roots.contains(root(device)) || roots.contains(root(device.dmaDevice())))
            .toList();
    return new SplitFinder(whatIf, prediction, changed -> of(machine, concerned, changed))
        .split(group);
  }

  private static PciBus root(PciDevice device) {
    PciBus bus = device.bus();
    for (PciBus above = bus.parent(); above != null; above = bus.parent()) {
      bus = above;
    }
    return bus;
  }

  /**
   * The groups of devices on any buses, behind drivers that choose by the bus as those of Arm do:
   * PCI functions by isolation, devices of a management complex by their container, all others one
   * group each (CORE-130, 132, 134, 148).
   *
   * @param devices in the order of their probes
   * @return the groups, in that order
   */
  @Mirrors({"generic_device_group", "fsl_mc_device_group"})
  public static GroupPrediction of(List<? extends Device> devices) {
    Forecast forecast = new Forecast(WhatIf.NOTHING);
    devices.forEach(forecast::appear);
    devices.forEach(forecast::probe);
    return forecast.result();
  }

  /**
   * The groups of devices behind IOMMU instances that have one group each (CORE-131).
   *
   * @param instances for each instance, its devices in the order of their probes
   * @return one group for every instance that has a device
   */
  @Mirrors("generic_single_device_group")
  public static GroupPrediction oneGroupPerInstance(
      List<? extends List<? extends Device>> instances) {
    Forecast forecast = new Forecast(WhatIf.NOTHING);
    for (List<? extends Device> devices : instances) {
      devices.forEach(forecast::appear);
      for (Device device : devices) {
        forecast.probeBehindOneInstance(device, devices.get(0));
      }
    }
    return forecast.result();
  }
}
