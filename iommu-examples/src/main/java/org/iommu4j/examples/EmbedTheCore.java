package org.iommu4j.examples;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.SoftHardware;

/** The core in ten lines: a machine, a device, a mapping, a DMA. */
public final class EmbedTheCore {
  private EmbedTheCore() {}

  /**
   * Maps two megabytes for a device, which then writes through the mapping.
   *
   * @param args none
   */
  public static void main(String... args) {
    // tag::embed[]
    var hardware = SoftHardware.create(); // a fake machine's IOMMU: memory, registers, IOTLB
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      try (var domain = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(domain)) {
        domain.map(0x10_0000, 0x4000_0000, 0x20_0000, Prot.RW);
        hardware.dma(nic).write(0x10_0120, 42); // what a device sees is asked of the hardware
        System.out.println(hardware.memory().read(0x4000_0120)); // 42
      }
    }
    // end::embed[]
  }
}
