package org.iommu4j.examples;

import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.SoftHardware;
import org.iommu4j.testkit.jqwik.DmaHistory;
import org.iommu4j.testkit.jqwik.IommuArbitraries;

// tag::property[]
class SoftIommuProperties {
  @Property
  void deviceSeesWhatIsMappedAndNothingElse(@ForAll("histories") DmaHistory history) {
    var hardware = SoftHardware.create();
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) { // or your driver
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      try (var domain = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(domain)) {
        history.run(domain, hardware.dma(nic)); // maps, unmaps, reads, writes, and compares
      }
    }
  }

  @Provide
  Arbitrary<DmaHistory> histories() {
    return IommuArbitraries.dmaHistories()
        .pageSizes(1L << 12 | 1L << 21 | 1L << 30)
        .aperture(DomainGeometry.ofBits(48));
  }
}
// end::property[]
