package com.example.pocket;

import static org.junit.jupiter.api.Assertions.assertEquals;

import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.PciDevice;
import org.iommu4j.testkit.SoftHardware;
import org.iommu4j.testkit.jqwik.DmaHistory;
import org.iommu4j.testkit.jqwik.IommuArbitraries;

class PocketProperties {
  @Property(seed = "20230217")
  void aDeviceSeesWhatIsMappedAndNothingElse(@ForAll("histories") DmaHistory history) {
    var hardware = SoftHardware.create();
    try (var core = PocketMachine.start(hardware.port())) {
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      long pages = hardware.memory().allocatedPages();
      try (var domain = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(domain)) {
        history.run(domain, hardware.dma(nic));
      }
      assertEquals(pages, hardware.memory().allocatedPages());
    }
  }

  @Provide
  Arbitrary<DmaHistory> histories() {
    return IommuArbitraries.dmaHistories()
        .pageSizes(0x1000)
        .aperture(DomainGeometry.ofBits(48))
        .misuse(true);
  }
}
