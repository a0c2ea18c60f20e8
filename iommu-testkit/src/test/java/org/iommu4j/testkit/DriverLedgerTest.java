package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.junit.jupiter.api.Test;
import org.mockito.Mockito;

class DriverLedgerTest {
  private final DriverLedger ledger = new DriverLedger();
  private final IommuOps driver = ledger.around(new ToyIommu()).ops();
  private final DevIommu nic = Mockito.mock(DevIommu.class);
  private final Domain self = Mockito.mock(PagingDomain.class);

  DriverLedgerTest() {
    Mockito.when(nic.device()).thenReturn(PciDevice.at("0000:01:00.0"));
  }

  private PagingDomainOps allocate() {
    return Objects.requireNonNull(driver.domainAllocPaging(nic));
  }

  @Test
  void whatIsGivenBackIsForgotten() {
    driver.probeDevice(nic);
    DomainOps domain = allocate();
    domain.attachDev(self, nic, null);
    assertThat(ledger.deviceCount()).isOne();
    assertThat(ledger.domainCount()).isOne();
    assertThat(ledger.outstanding()).hasSize(2);
    assertThat(ledger.outstanding().get(0)).hasMessage("device 0000:01:00.0 was probed");
    driver.releaseDevice(nic);
    domain.free(self);
    assertThat(ledger.outstanding()).isEmpty();
    assertThat(ledger.complaints()).isEmpty();
    assertThat(ledger.toString()).isEqualTo("0 devices, 0 domains");
  }

  @Test
  void whatIsDoneTwiceOrTooLateIsNoted() {
    driver.releaseDevice(nic);
    driver.probeDevice(nic);
    driver.probeDevice(nic);
    DomainOps domain = allocate();
    domain.attachDev(self, nic, null);
    domain.free(self);
    domain.free(self);
    domain.attachDev(self, nic, null);
    driver.releaseDevice(nic);
    Objects.requireNonNull(driver.identityDomain()).attachDev(self, nic, null);
    assertThat(ledger.complaints())
        .hasSize(7)
        .satisfiesExactly(
            first -> assertThat(first).endsWith("was released without having been probed"),
            second -> assertThat(second).endsWith("was probed twice without a release"),
            third -> assertThat(third).contains("was freed with device 0000:01:00.0 on it"),
            fourth -> assertThat(fourth).endsWith("was freed twice"),
            fifth -> assertThat(fifth).contains("was freed with device 0000:01:00.0 on it"),
            sixth -> assertThat(sixth).contains("was attached to the freed domain"),
            last -> assertThat(last).endsWith("was attached without having been probed"));
  }
}
