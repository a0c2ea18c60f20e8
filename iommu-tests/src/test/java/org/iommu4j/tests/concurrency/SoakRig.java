package org.iommu4j.tests.concurrency;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;

/**
 * The machine of a soak: two groups whose first device stays, one whose devices all come and go,
 * and two behind an IOMMU that comes and goes itself.
 */
final class SoakRig {
  private static final int DEVICES_PER_GROUP = 4;

  final IommuCore core = IommuCore.builder().build();
  final SoakFaults faults;
  final SoakIommu main;
  final SoakIommu second;
  final List<SoakGroup> groups = new ArrayList<>();
  final List<SoakGroup> anchored = new ArrayList<>();
  final List<SoakSlot> slots = new ArrayList<>();
  final List<SoakSlot> secondSlots = new ArrayList<>();

  /** Held by whoever registers the second IOMMU or unregisters it. */
  final ReentrantLock secondLock = new ReentrantLock();

  private int buses;

  SoakRig(SoakFaults faults) {
    this.faults = faults;
    FirmwareNode node = new FirmwareNode("second");
    add(true, false, device -> device);
    add(true, false, device -> device);
    add(false, false, device -> device);
    add(false, true, device -> device.iommu(IommuSpecifier.of(node)));
    add(false, true, device -> device.iommu(IommuSpecifier.of(node)));
    main = new SoakIommu("main", null, groupOf(false), faults);
    second = new SoakIommu("second", node, groupOf(true), faults);
    main.serve(core);
    second.serve(core);
    core.register(main);
    for (SoakSlot slot : slots) {
      plugAtBoot(slot);
    }
    core.register(second);
  }

  private void plugAtBoot(SoakSlot slot) {
    slot.lock.lock();
    try {
      slot.plugged = true;
      slot.refusal = core.addDevice(slot.device).failure();
    } finally {
      slot.lock.unlock();
    }
  }

  private void add(
      boolean anchor, boolean behindSecond, Function<PciDevice.Builder, PciDevice.Builder> wiring) {
    List<Device> devices = new ArrayList<>();
    buses++;
    for (int function = 0; function < DEVICES_PER_GROUP; function++) {
      PciDevice.Builder device =
          PciDevice.builder(String.format("0000:%02x:00.%d", buses, function)).ats(true);
      devices.add(wiring.apply(device).build());
    }
    SoakGroup group = new SoakGroup(devices, anchor, behindSecond);
    groups.add(group);
    if (anchor) {
      anchored.add(group);
    }
    for (Device device : devices) {
      SoakSlot slot = new SoakSlot(device, group);
      slots.add(slot);
      if (behindSecond) {
        secondSlots.add(slot);
      }
    }
  }

  private Map<Device, SoakGroup> groupOf(boolean behindSecond) {
    Map<Device, SoakGroup> all = new HashMap<>();
    for (SoakSlot slot : slots) {
      if (slot.group.second() == behindSecond) {
        all.put(slot.device, slot.group);
      }
    }
    return all;
  }

  /** The books of the IOMMU that serves a group. */
  SoakIommu iommuOf(SoakGroup group) {
    return group.second() ? second : main;
  }

  /**
   * The present group of the devices that belong together, with a reference; empty while none of
   * them is probed.
   */
  Optional<IommuGroup> find(SoakGroup group) {
    for (Device device : group.devices()) {
      Optional<IommuGroup> found = core.group(device);
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  /** The group of an anchor, which always has one; no reference is taken. */
  IommuGroup anchoredGroup(SoakGroup group) {
    return core.deviceOf(group.anchor())
        .orElseThrow(() -> new IommuException(Errno.ENODEV, "lost: " + group.anchor()))
        .group();
  }
}
