package org.iommu4j.testkit.linux;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.jspecify.annotations.Nullable;

/**
 * What sits in the slots, whether the system knows it at the moment or not. A bus scan finds it
 * here; a device that was removed comes back as a new object with the same facts.
 *
 * <p>Guarded by the lock of {@link LinuxPci}.
 */
final class PciHardware {
  private final Map<PciBus, Bus> busOf = new LinkedHashMap<>();
  private final List<Bus> roots = new ArrayList<>();
  private final Map<PciDevice, Function> functionOf = new LinkedHashMap<>();

  /** One bus, which exists as a new object after the bridge above it came back. */
  static final class Bus {
    private final int number;
    private final int segment;
    private final @Nullable Bus parent;
    private final @Nullable Function bridge;
    private final List<Function> functions = new ArrayList<>();
    private final List<Bus> below = new ArrayList<>();
    private PciBus now;

    private Bus(PciBus first, @Nullable Bus parent, @Nullable Function bridge) {
      this.number = first.number();
      this.segment = first.segment();
      this.parent = parent;
      this.bridge = bridge;
      this.now = first;
    }

    int number() {
      return number;
    }

    int segment() {
      return segment;
    }

    /** The functions by slot and function. */
    List<Function> functions() {
      return functions;
    }

    /** The buses that hang on this one, in the order of their bridges. */
    List<Bus> below() {
      return below;
    }

    /** Whether the bridge that leads here is there; a root bus always is. */
    boolean reachable() {
      if (bridge != null) {
        return bridge.present() != null;
      }
      return parent == null || parent.reachable();
    }

    /** The bus as it is now. The bridge above must be there. */
    PciBus now() {
      if (bridge != null) {
        PciDevice above = bridge.present();
        if (above == null) {
          throw new IllegalStateException("the bridge to bus " + now + " is not there");
        }
        if (now.bridge() != above) {
          now = PciBus.below(above, number);
        }
      } else if (parent != null && now.parent() != parent.now()) {
        now = PciBus.virtual(parent.now(), number);
      }
      return now;
    }
  }

  /** One function, present or removed. */
  static final class Function {
    private final PciDevice facts;
    private final Bus bus;
    private @Nullable PciDevice present;

    private Function(PciDevice first, Bus bus) {
      this.facts = first;
      this.bus = bus;
      this.present = first;
    }

    Bus bus() {
      return bus;
    }

    int devfn() {
      return facts.devfn();
    }

    @Nullable PciDevice present() {
      return present;
    }

    void remove() {
      present = null;
    }

    /** A new device with the same facts; nothing about its slot is known yet. */
    PciDevice reappear() {
      PciDevice.Builder builder =
          PciDevice.builder(facts.name(), bus.now(), facts.slot(), facts.devfn() & 7)
              .multifunction(facts.multifunctionHeader())
              .pcieType(facts.pcieType());
      PciDevice made = copyFacts(facts, builder).build();
      present = made;
      return made;
    }
  }

  private static PciDevice.Builder copyFacts(PciDevice from, PciDevice.Builder to) {
    to.ids(from.vendorId(), from.deviceId())
        .subsystem(from.subsystemVendorId(), from.subsystemId())
        .classCode(from.classCode())
        .knownIsolation(from.knownIsolation().orElse(null))
        .ats(from.atsSupported())
        .untrusted(from.untrusted())
        .pasidLimit(from.pasidLimit())
        .isolatedMsi(from.isolatedMsi());
    if (from.hasAcs()) {
      to.acs(from.acsCapability(), from.acsControl());
    }
    from.wideAcsControl().ifPresent(to::wideAcsControl);
    if (from.dmaDevice() != from) {
      to.dmaDevice(from.dmaDevice());
    }
    from.aliasDevfns().forEach(to::alias);
    from.iommus().forEach(to::iommu);
    for (PciDevice.Flag flag : PciDevice.Flag.values()) {
      if (from.is(flag)) {
        to.flag(flag);
      }
    }
    if (from.container() != from) {
      to.container(from.container());
    }
    return to;
  }

  /** Takes over the functions of a machine that has just booted. */
  PciHardware(List<Device> devices) {
    for (Device device : devices) {
      if (device instanceof PciDevice pci) {
        Bus bus = obtain(pci.bus());
        Function function = new Function(pci, bus);
        bus.functions.add(function);
        functionOf.put(pci, function);
      }
    }
    Comparator<Function> place = Comparator.comparingInt(Function::devfn);
    busOf.values().forEach(bus -> bus.functions.sort(place));
    roots.sort(Comparator.comparingInt(Bus::segment).thenComparingInt(Bus::number));
  }

  private Bus obtain(PciBus first) {
    Bus known = busOf.get(first);
    if (known != null) {
      return known;
    }
    PciBus up = first.parent();
    Bus parent = up == null ? null : obtain(up);
    PciDevice bridge = first.bridge();
    Bus made = new Bus(first, parent, bridge == null ? null : functionOf.get(bridge));
    busOf.put(first, made);
    (parent == null ? roots : parent.below).add(made);
    return made;
  }

  /** The buses without parent, by segment and number. */
  List<Bus> roots() {
    return roots;
  }

  /** The bus with a number. */
  @Nullable Bus bus(int segment, int number) {
    for (Bus bus : busOf.values()) {
      if (bus.segment == segment && bus.number == number) {
        return bus;
      }
    }
    return null;
  }

  /** All functions in the order in which the machine found them. */
  Iterable<Function> functions() {
    return functionOf.values();
  }

  /** A virtual function, which no slot holds. */
  static PciDevice virtualFunction(PciDevice physical, PciBus bus, int devfn, int deviceId) {
    PciDevice.Builder builder =
        PciDevice.builder(bus, devfn >> 3, devfn & 7)
            .ids(physical.vendorId(), deviceId)
            .classCode(physical.classCode())
            .virtualFunction(true)
            .ats(physical.atsSupported())
            .untrusted(physical.untrusted())
            .pasidLimit(physical.pasidLimit())
            .isolatedMsi(physical.isolatedMsi());
    for (IommuSpecifier specifier : physical.iommus()) {
      builder.iommu(specifier);
    }
    return builder.build();
  }
}
