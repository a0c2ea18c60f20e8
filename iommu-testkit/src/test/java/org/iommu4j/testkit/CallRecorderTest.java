package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.junit.jupiter.api.Test;

class CallRecorderTest {
  private final PciDevice nic = PciDevice.at("0000:01:00.0");
  private final CallRecorder recorder = new CallRecorder();

  private FakeMachine.Builder machine() {
    return FakeMachine.builder()
        .device(nic)
        .iommu(new ToyIommu())
        .bootParameters(BootParameters.NONE.withStrict("1"));
  }

  @Test
  void aProbeReadsAsTheCoreCalledIt() {
    try (var machine = machine().wrap(recorder::around).build()) {
      assertThat(recorder.calls())
          .containsExactly(
              "probe_device 0000:01:00.0 = toy",
              "device_group 0000:01:00.0 = group 0",
              "domain_alloc_paging 0000:01:00.0 = d1",
              "attach_dev d1 0000:01:00.0");
      assertThat(machine.group(nic).id()).isZero();
    }
    assertThat(recorder.calls()).endsWith("release_device 0000:01:00.0", "free d1");
  }

  @Test
  void operandsAreInHexAndAnswersAreShown() {
    try (var machine = machine().wrap(recorder::around).build();
        var owner = machine.group(nic).own(new DmaOwner("vmm"));
        PagingDomain domain = machine.core().allocPagingDomain(nic);
        var attachment = machine.group(nic).attachScoped(domain)) {
      recorder.clear();
      domain.map(0x10_0000, 0x4000_0000, 0x2000, Prot.RW);
      assertThat(domain.iovaToPhys(0x10_1008)).isEqualTo(0x4000_1008);
      domain.unmap(0x10_0000, 0x2000);
      assertThat(recorder.calls())
          .containsExactly(
              "map_pages d2 iova=0x100000 paddr=0x40000000 size=0x1000 count=0x2 prot=0x3"
                  + " = 0x2 pages",
              "iova_to_phys d2 iova=0x101008 = 0x40001008",
              "unmap_pages d2 iova=0x100000 size=0x1000 count=0x2 = 0x2000",
              "iotlb_sync d2 first=0x100000 last=0x101fff");
      assertThat(owner.group()).isSameAs(attachment.group());
    }
    assertThat(recorder.calls(DriverCallback.ATTACH_DEV, DriverCallback.FREE))
        .containsExactly(
            "attach_dev blocked 0000:01:00.0 from d2",
            "free d2",
            "attach_dev d1 0000:01:00.0 from blocked",
            "free d1");
  }

  @Test
  void refusalsAndCrashesAreShown() {
    FaultInjection faults = new FaultInjection();
    try (var machine = machine().wrap(faults::around).wrap(recorder::around).build();
        PagingDomain domain = machine.core().allocPagingDomain(nic)) {
      faults.fail(DriverCallback.ATTACH_DEV, 1, Errno.EIO);
      assertThatThrownBy(() -> machine.group(nic).claimDmaOwner(new DmaOwner("vmm")));
      faults.fail(DriverCallback.MAP_PAGES, 1, Errno.ENOMEM);
      assertThatThrownBy(() -> domain.map(0x1000, 0x1000, 0x1000, Prot.READ));
      faults.crash(DriverCallback.DOMAIN_ALLOC_PAGING, 1, new IllegalStateException("oops"));
      assertThatThrownBy(() -> machine.core().allocPagingDomain(nic));
    }
    assertThat(recorder.calls())
        .contains(
            "attach_dev blocked 0000:01:00.0 from d1 = -EIO",
            "map_pages d2 iova=0x1000 paddr=0x1000 size=0x1000 count=0x1 prot=0x1"
                + " = 0x0 pages, -ENOMEM",
            "domain_alloc_paging 0000:01:00.0 threw java.lang.IllegalStateException: oops");
    assertThat(recorder.toString()).startsWith("probe_device");
  }
}
