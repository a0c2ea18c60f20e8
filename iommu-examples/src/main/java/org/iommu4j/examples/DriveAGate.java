package org.iommu4j.examples;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.StaticDomain;
import org.iommu4j.spi.StaticDomain.Kind;
import org.jspecify.annotations.Nullable;

/** The driver in 25 lines at work. */
public final class DriveAGate {
  private DriveAGate() {}

  /**
   * Lets a device's DMA pass, until somebody claims it.
   *
   * @param args none
   */
  public static void main(String... args) {
    // tag::gate[]
    var open = new ConcurrentHashMap<Device, Boolean>(); // the hardware: whose DMA passes
    var pass = new Gate(Kind.IDENTITY, Set.of(DomainOp.ATTACH_DEV), open);
    var block = new Gate(Kind.BLOCKED, Set.of(DomainOp.ATTACH_DEV), open);
    try (var core = IommuCore.create(new GateIommu("gate0", Set.of(), pass, block))) {
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      System.out.println(open); // {0000:01:00.0=true}
      try (var claim = nic.group().own(new DmaOwner("my-vmm"))) {
        System.out.println(open); // {0000:01:00.0=false}
      }
      System.out.println(open); // {0000:01:00.0=true}
    }
    // end::gate[]
  }
}

/*
 * A driver for hardware with one gate per device: its DMA passes untranslated, or it does not pass.
 * A record brings half of what an interface asks for: name, operations and the two domains.
 */
// tag::driver[]
record GateIommu(String name, Set<IommuOp> operations, Gate defaultDomain, Gate blockedDomain)
    implements IommuDevice, IommuOps {
  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    return this;
  }

  @Override
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return groups.pci();
  }
}

record Gate(Kind kind, Set<DomainOp> operations, Map<Device, Boolean> open)
    implements StaticDomain {
  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    open.put(device.device(), kind == Kind.IDENTITY);
  }
}
// end::driver[]
