package org.iommu4j.examples;

import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.SoftHardware;

/** A group goes from strict to lazy invalidation while its device is at work. */
public final class LiveSwitch {
  private LiveSwitch() {}

  /**
   * Switches under a bound driver, and then tries what cannot be done under one.
   *
   * @param args none
   */
  public static void main(String... args) {
    // tag::switch[]
    var hardware = SoftHardware.create();
    var nic = PciDevice.at("0000:01:00.0");
    var strict = BootParameters.NONE.withStrict("1"); // iommu.strict=1
    try (var core = IommuCore.builder().bootParameters(strict).build()) {
      core.register(SoftIommu.on(hardware.port()));
      IommuGroup group = core.probeDevice(nic).group();
      core.bindDriver(nic, false);
      DmaMapper mapper = core.dmaMapper(nic);
      long buffer = mapper.map(0x4000_0000, 0x1000, Prot.RW);
      group.changeDefaultDomain(DefaultDomainRequest.DMA_FQ); // strict to lazy: live
      hardware.dma(nic).write(buffer, 42); // the mapping has not moved
      System.out.println(group.typeText()); // DMA-FQ
      try {
        group.changeDefaultDomain(
            DefaultDomainRequest.IDENTITY); // a new domain: not under a driver
      } catch (IommuException refused) {
        System.out.println(refused.errno()); // EPERM
      }
      mapper.unmap(buffer, 0x1000);
      core.unbindDriver(nic);
      group.changeDefaultDomain(DefaultDomainRequest.IDENTITY);
      System.out.println(group.typeText()); // identity
    }
    // end::switch[]
  }
}
