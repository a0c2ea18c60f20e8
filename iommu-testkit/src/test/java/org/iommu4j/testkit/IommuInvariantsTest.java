package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class IommuInvariantsTest {
  private final PciDevice nic = PciDevice.at("0000:01:00.0");
  private final PciDevice disk = PciDevice.at("0000:02:00.0");
  private final FakeMachine machine =
      FakeMachine.builder().device(nic).device(disk).iommu(new ToyIommu()).build();
  private final IommuCore core = machine.core();

  @AfterEach
  void close() {
    machine.closeForced();
  }

  @Test
  void aHealthyMachineIsFine() {
    machine.bind(nic, FakeDriver.usingDmaApi("igc"));
    IommuInvariants.check(machine);
    IommuInvariants.check(core);
    assertThatCode(() -> machine.group(disk).claimDmaOwner(new DmaOwner("vmm")))
        .doesNotThrowAnyException();
    IommuInvariants.check(machine);
    machine.group(disk).releaseDmaOwner();
    machine.close();
    IommuInvariants.check(machine);
  }

  @Test
  void aViolationIsFoundUnlessItIsAllowed() {
    core.releaseDmaOwner(nic);
    assertThat(IommuInvariants.broken(core))
        .singleElement()
        .asString()
        .startsWith("violation CORE-1030 release-refused: group 0");
    assertThat(IommuInvariants.broken(core, "release-refused")).isEmpty();
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(() -> IommuInvariants.check(core))
        .withMessageContaining("1 broken:\n  - violation CORE-1030")
        .withMessageContaining("IOMMU core\ninstance toy\ngroup 0 type=");
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(() -> IommuInvariants.check(machine, "another-token"));
  }

  @Test
  void aUserThatIsNoDriverIsFound() {
    core.useDefaultDomain(nic);
    assertThat(IommuInvariants.broken(machine))
        .containsExactly("0 bound drivers of group 0 use the DMA API, but the group counts 1");
    assertThat(IommuInvariants.broken(core)).isEmpty();
    core.unuseDefaultDomain(nic);
  }

  @Test
  void anOwnerWithoutClaimsIsFound() {
    DmaOwner vmm = new DmaOwner("vmm");
    core.claimDmaOwner(nic, vmm);
    // Linux does not notice such a mistake (CORE-304).
    core.unuseDefaultDomain(nic);
    assertThat(IommuInvariants.broken(core)).contains("vmm owns group 0 without a claim");
  }

  @Test
  void aForgottenDomainIsALeak() {
    PagingDomain forgotten = core.allocPagingDomain(nic);
    machine.close();
    assertThat(IommuInvariants.broken(machine))
        .singleElement()
        .asString()
        .endsWith("was made for 0000:01:00.0 and never given back");
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(() -> IommuInvariants.check(machine))
        .satisfies(error -> assertThat(error.getSuppressed()).hasSize(1));
    assertThat(forgotten).isNotNull();
  }

  @Test
  void aLockLeftBehindIsFound() {
    var unused =
        machine
            .group(nic)
            .forEachDevice(
                device -> {
                  assertThat(lockFindings()).contains("the calling thread still holds lock G");
                  return null;
                });
  }

  /** With the lock held nothing else can be asked. */
  private Iterable<String> lockFindings() {
    CoreInspection inspection = new CoreInspection(core);
    inspection.locks();
    return inspection.findings();
  }
}
