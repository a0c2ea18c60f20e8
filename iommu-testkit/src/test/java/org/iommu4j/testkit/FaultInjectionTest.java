package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.api.Prot;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FaultInjectionTest {
  private final PciDevice nic = PciDevice.at("0000:01:00.0");
  private final PciDevice disk = PciDevice.at("0000:02:00.0");
  private final FaultInjection faults = new FaultInjection();
  private final FakeMachine machine =
      FakeMachine.builder().iommu(new ToyIommu()).wrap(faults::around).build();

  @AfterEach
  void closeAndCheck() {
    faults.clear();
    machine.close();
    IommuInvariants.check(machine, "driver-exception", "first-attach-failed");
  }

  private static void assertRefused(Errno errno, ProbeOutcome outcome) {
    assertThat(outcome.failure()).isNotNull();
    assertThat(outcome.failure().errno()).isEqualTo(errno);
  }

  private static void assertRefused(Errno errno, Runnable action) {
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(action::run)
        .satisfies(refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  @Test
  void theNthCallFailsAndNoOther() {
    faults.fail(DriverCallback.PROBE_DEVICE, 2, Errno.ENXIO);
    assertThat(machine.plug(nic).succeeded()).isTrue();
    assertThat(faults.pending()).containsExactly("call 2 of probe_device gives ENXIO");
    assertRefused(Errno.ENXIO, machine.plug(disk));
    assertThat(faults.pending()).isEmpty();
    assertThat(faults.injected()).isOne();
    machine.unplug(disk);
    assertThat(machine.plug(disk).succeeded()).isTrue();
  }

  @Test
  void callsForOtherDevicesDoNotCount() {
    faults.fail(DriverCallback.ATTACH_DEV, disk, 1, Errno.EIO);
    assertThat(machine.plug(nic).succeeded()).isTrue();
    assertThat(faults.pending()).containsExactly("call 1 of attach_dev for 0000:02:00.0 gives EIO");
    assertRefused(Errno.EIO, machine.plug(disk));
  }

  @Test
  void everyCallFailsUntilTheFaultIsTakenBack() {
    faults.failAlways(DriverCallback.DEVICE_GROUP, Errno.ENOMEM);
    assertThat(faults.pending()).isEmpty();
    assertRefused(Errno.ENOMEM, machine.plug(nic));
    assertRefused(Errno.ENOMEM, machine.plug(disk));
    faults.clear();
    machine.unplug(nic);
    assertThat(machine.plug(nic).succeeded()).isTrue();
    assertThat(faults.injected()).isEqualTo(2);
  }

  @Test
  void ofTwoFaultsForOneCallTheSecondHitsTheNext() {
    faults.fail(DriverCallback.PROBE_DEVICE, 1, Errno.EIO);
    faults.fail(DriverCallback.PROBE_DEVICE, 1, Errno.ENXIO);
    assertRefused(Errno.EIO, machine.plug(nic));
    assertRefused(Errno.ENXIO, machine.plug(disk));
  }

  @Test
  void aMapAnswersWithItsErrnoAndAnUnmapWithNothing() {
    machine.plug(nic);
    try (PagingDomain domain = machine.core().allocPagingDomain(nic)) {
      faults.fail(DriverCallback.MAP_PAGES, 1, Errno.ENOSPC);
      assertRefused(Errno.ENOSPC, () -> domain.map(0x1000, 0x5000, 0x1000, Prot.RW));
      assertThat(domain.iovaToPhys(0x1000)).isZero();
      domain.map(0x1000, 0x5000, 0x1000, Prot.RW);
      faults.fail(DriverCallback.UNMAP_PAGES, 1, Errno.EIO);
      assertThat(domain.unmap(0x1000, 0x1000)).isZero();
      assertThat(domain.iovaToPhys(0x1000)).isEqualTo(0x5000);
    }
  }

  @Test
  void aCrashIsNotAnErrno() {
    faults.crash(DriverCallback.PROBE_DEVICE, 1, new IllegalStateException("oops"));
    assertRefused(Errno.EIO, machine.plug(nic));
    assertThat(machine.core().violationCount()).isOne();
    assertThat(faults.toString()).isEqualTo("1 calls failed, pending []");
  }

  @Test
  void callsAreCountedFromOne() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> faults.fail(DriverCallback.FREE, 0, Errno.EIO));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> faults.crash(DriverCallback.FREE, -1, new IllegalStateException("oops")));
  }
}
