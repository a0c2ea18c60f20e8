package org.iommu4j.tests.properties;

import static org.assertj.core.api.Assertions.assertThat;

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

/** Whatever a consumer maps and unmaps, a device behind the soft driver sees that and no more. */
class SoftHistoryProperties {
  private static final long PAGE_SIZES = 1L << 12 | 1L << 21 | 1L << 30;

  @Property
  void deviceSeesWhatIsMapped(@ForAll("histories") DmaHistory history) {
    run(history, SoftHardware.builder());
  }

  @Property
  void misuseChangesNothing(@ForAll("misuse") DmaHistory history) {
    run(history, SoftHardware.builder());
  }

  @Property
  void smallIotlbIsNoExcuse(@ForAll("histories") DmaHistory history) {
    run(history, SoftHardware.builder().iotlbCapacity(2).commandLatency(3));
  }

  private static void run(DmaHistory history, SoftHardware.Builder description) {
    SoftHardware hardware = description.build();
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      long tables = hardware.memory().allocatedPages();
      try (var domain = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(domain)) {
        history.run(domain, hardware.dma(nic));
      }
      assertThat(hardware.memory().allocatedPages()).as("pages of tables").isEqualTo(tables);
      assertThat(core.violations()).isEmpty();
    }
    assertThat(hardware.staleHits()).as("stale accesses").isZero();
  }

  @Provide
  Arbitrary<DmaHistory> histories() {
    return IommuArbitraries.dmaHistories()
        .pageSizes(PAGE_SIZES)
        .aperture(DomainGeometry.ofBits(48));
  }

  @Provide
  Arbitrary<DmaHistory> misuse() {
    return IommuArbitraries.dmaHistories()
        .pageSizes(PAGE_SIZES)
        .aperture(DomainGeometry.ofBits(48))
        .misuse(true);
  }
}
