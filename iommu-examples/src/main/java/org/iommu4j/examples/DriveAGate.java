package org.iommu4j.examples;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.StaticDomain.Kind;

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
    var pass = new GateIommu.Gate(Kind.IDENTITY, Set.of(DomainOp.ATTACH_DEV), open);
    var block = new GateIommu.Gate(Kind.BLOCKED, Set.of(DomainOp.ATTACH_DEV), open);
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
