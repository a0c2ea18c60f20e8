package org.iommu4j.testkit.conformance;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.Device;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PlatformDevice;
import org.jspecify.annotations.Nullable;

/**
 * The IOMMUs, buses and devices of a script.
 *
 * <p>Devices are made in the order of definition, but a container or the bridge of a bus is made
 * before a device that needs it.
 */
final class Machine {
  /** All ACS controls. */
  private static final int ACS_ALL =
      PciDevice.ACS_SV
          | PciDevice.ACS_TB
          | PciDevice.ACS_RR
          | PciDevice.ACS_CR
          | PciDevice.ACS_UF
          | PciDevice.ACS_EC
          | PciDevice.ACS_DT;

  private static final int SLOTS = 32;

  private final Script script;
  private final Map<String, RecordingIommu> iommus = new LinkedHashMap<>();
  private final Map<String, Device> devices = new HashMap<>();
  private final Map<Device, DeviceSpec> specs = new HashMap<>();
  private final Map<Integer, PciBus> buses = new HashMap<>();
  private final Set<String> beingMade = new HashSet<>();
  private final Set<Integer> usedSlots = new HashSet<>();

  /** The device that leads to each bus, by name. */
  private final Map<Integer, String> bridges = new HashMap<>();

  Machine(Script script, Recording recording) {
    this.script = script;
    for (Script.Defined<InstanceSpec> one : script.instances().values()) {
      InstanceSpec spec = one.spec();
      iommus.put(
          spec.name(), new RecordingIommu(spec, device -> served(spec.name(), device), recording));
    }
    buses.put(0, PciBus.root(0, 0));
    for (Script.Defined<DeviceSpec> one : script.devices().values()) {
      noteBuses(one);
    }
    script.devices().keySet().forEach(this::make);
  }

  private void noteBuses(Script.Defined<DeviceSpec> one) {
    noteBus(one, one.spec().below());
    noteBus(one, one.spec().virtual());
    DeviceSpec.Place place = one.spec().place();
    if (place != null && place.bus() == 0) {
      usedSlots.add(place.slot());
    }
  }

  private void noteBus(Script.Defined<DeviceSpec> one, @Nullable Integer bus) {
    if (bus != null) {
      String before = bridges.putIfAbsent(bus, one.spec().name());
      if (before != null || bus == 0) {
        throw one.line().error("bus " + Integer.toHexString(bus) + " is there already");
      }
    }
  }

  private Device make(String name) {
    Device made = devices.get(name);
    if (made != null) {
      return made;
    }
    Script.Defined<DeviceSpec> one = defined(name);
    if (!beingMade.add(name)) {
      throw one.line().error("device " + name + " needs itself");
    }
    DeviceSpec spec = one.spec();
    Device device = spec.pci() ? makePci(one) : makePlatform(one);
    devices.put(name, device);
    specs.put(device, spec);
    if (device instanceof PciDevice pci) {
      Integer below = spec.below();
      if (below != null) {
        buses.put(below, PciBus.below(pci, below));
      }
      Integer virtual = spec.virtual();
      if (virtual != null) {
        buses.put(virtual, PciBus.virtual(pci.bus(), virtual));
      }
    }
    return device;
  }

  private Device makePlatform(Script.Defined<DeviceSpec> one) {
    var builder = PlatformDevice.builder(one.spec().linkName());
    describe(one, builder);
    return builder.build();
  }

  private Device makePci(Script.Defined<DeviceSpec> one) {
    DeviceSpec spec = one.spec();
    DeviceSpec.Place place = spec.place() == null ? nextPlace(one) : spec.place();
    var builder =
        PciDevice.builder(spec.linkName(), bus(one, place.bus()), place.slot(), place.function())
            .pcieType(spec.pcieType())
            .multifunction(spec.multifunction())
            .ats(spec.ats())
            .untrusted(spec.untrusted());
    if (spec.acs()) {
      builder.acs(ACS_ALL, ACS_ALL);
    }
    spec.aliases().forEach(builder::alias);
    describe(one, builder);
    return builder.build();
  }

  private void describe(Script.Defined<DeviceSpec> one, Device.Builder<?> builder) {
    DeviceSpec spec = one.spec();
    builder.pasidLimit(spec.pasids()).isolatedMsi(spec.isolatedMsi());
    String container = spec.container();
    if (container != null) {
      if (!script.devices().containsKey(container)) {
        throw one.line().error("container " + container + " is not a device");
      }
      if (!container.equals(spec.name())) {
        builder.container(make(container));
      }
    }
    String instance = spec.instance();
    if (instance != null) {
      RecordingIommu iommu = iommus.get(instance);
      if (iommu == null) {
        throw one.line().error("instance " + instance + " is not defined");
      }
      FirmwareNode node = iommu.firmwareNode();
      if (node != null) {
        builder.iommu(IommuSpecifier.of(node));
      }
    }
  }

  private DeviceSpec.Place nextPlace(Script.Defined<DeviceSpec> one) {
    for (int slot = 0; slot < SLOTS; slot++) {
      if (usedSlots.add(slot)) {
        return new DeviceSpec.Place(0, slot, 0);
      }
    }
    throw one.line().error("bus 0 has no free slot left");
  }

  private PciBus bus(Script.Defined<DeviceSpec> one, int number) {
    if (!buses.containsKey(number) && bridges.containsKey(number)) {
      make(bridges.get(number));
    }
    PciBus bus = buses.get(number);
    if (bus == null) {
      throw one.line().error("nothing leads to bus " + Integer.toHexString(number));
    }
    return bus;
  }

  private Script.Defined<DeviceSpec> defined(String name) {
    Script.Defined<DeviceSpec> one = script.devices().get(name);
    if (one == null) {
      throw new IllegalArgumentException("no device " + name);
    }
    return one;
  }

  private @Nullable DeviceSpec served(String instance, Device device) {
    DeviceSpec spec = specs.get(device);
    return spec != null && instance.equals(spec.instance()) ? spec : null;
  }

  /** The names of the devices in the script. */
  Map<Device, String> names() {
    Map<Device, String> names = new HashMap<>();
    specs.forEach((device, spec) -> names.put(device, spec.name()));
    return names;
  }

  @Nullable Device device(String name) {
    return devices.get(name);
  }

  @Nullable RecordingIommu iommu(String name) {
    return iommus.get(name);
  }

  /** The first defined instance, which static domains belong to unless another is named. */
  @Nullable RecordingIommu firstIommu() {
    return iommus.isEmpty() ? null : iommus.values().iterator().next();
  }
}
