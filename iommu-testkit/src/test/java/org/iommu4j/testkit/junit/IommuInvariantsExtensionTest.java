package org.iommu4j.testkit.junit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.ToyIommu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.mockito.Mockito;

class IommuInvariantsExtensionTest {
  private final IommuInvariantsExtension extension = new IommuInvariantsExtension();
  private final PciDevice nic = PciDevice.at("0000:01:00.0");

  private void endOfTest() {
    extension.afterEach(Mockito.mock(ExtensionContext.class));
  }

  private static IommuCore violated() {
    IommuCore core = IommuCore.create();
    core.setFaultHandler(null, null);
    return core;
  }

  @Test
  void aWatchedMachineIsClosed() {
    FakeMachine machine = extension.watch(FakeMachine.builder().device(nic).build());
    endOfTest();
    assertThat(machine.isClosed()).isTrue();
  }

  @Test
  void aWatchedCoreIsChecked() {
    try (IommuCore core = extension.watch(violated())) {
      assertThatExceptionOfType(AssertionError.class)
          .isThrownBy(this::endOfTest)
          .withMessageContaining("fault-handler-refused");
      endOfTest();
      assertThat(core.violationCount()).isOne();
    }
  }

  @Test
  void whatTheTestProvokesIsAllowedForThatTestOnly() {
    try (IommuCore core = violated()) {
      extension.watch(core);
      extension.allow("fault-handler-refused");
      endOfTest();
      extension.watch(core);
      assertThatExceptionOfType(AssertionError.class).isThrownBy(this::endOfTest);
    }
  }

  @Test
  void aGroupLeftOwnedIsAMistakeOfTheTest() {
    FakeMachine machine =
        extension.watch(FakeMachine.builder().device(nic).iommu(new ToyIommu()).build());
    machine.group(nic).claimDmaOwner(new DmaOwner("vmm"));
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(this::endOfTest)
        .withMessageContaining("the test left groups owned")
        .withMessageContaining("owner vmm");
    assertThat(machine.isClosed()).isTrue();
  }
}
