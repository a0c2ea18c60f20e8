package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.driver.soft.Refusals.assertRefused;

import org.iommu4j.api.Errno;
import org.junit.jupiter.api.Test;

class RegistersTest {
  private final FakeHardware hardware = new FakeHardware();

  @Test
  void otherHardwareIsNotDriven() {
    hardware.registers.put(0x00L, 2L);

    assertRefused(Errno.ENODEV, () -> new Registers(hardware));
  }

  @Test
  void capabilitiesAreRead() {
    assertThat(new Registers(hardware).pasids()).isEqualTo(256);
    assertThat(new Registers(hardware).tracksDirtyPages()).isTrue();

    FakeHardware plain = new FakeHardware(0, 10);
    assertThat(new Registers(plain).pasids()).isZero();
    assertThat(new Registers(plain).tracksDirtyPages()).isFalse();
  }

  @Test
  void aTableOfPasidsIsOnePageWhateverTheHardwareCanDo() {
    FakeHardware generous = new FakeHardware(20L << 24, 10);

    assertThat(new Registers(generous).pasids()).isEqualTo(256);
  }

  @Test
  void startingNamesTheTableBeforeItLetsDmaThrough() {
    new Registers(hardware).start(0x5000);

    assertThat(hardware.registers).containsEntry(0x10L, 0x5000L).containsEntry(0x08L, 3L);
  }

  @Test
  void commandsCarryTheirOperands() {
    Registers registers = new Registers(hardware);
    registers.invalidateRange(0xffff, 0x1000, -1);
    registers.invalidateDomain(7);
    registers.invalidateDevice(0xff_0001);

    assertThat(hardware.takeEvents())
        .containsExactly("range 65535 [0x1000, 0xffffffffffffffff]", "domain 7", "device 0xff0001");
  }

  @Test
  void aCommandIsWaitedFor() {
    hardware.busyReads = 1000;
    new Registers(hardware).invalidateDomain(1);

    assertThat(hardware.read64(0x18) & 1).isZero();
  }

  @Test
  void aCommandThatNeverEndsIsGivenUp() {
    hardware.hang = true;

    assertRefused(Errno.ETIMEDOUT, () -> new Registers(hardware).invalidateDomain(1));
  }

  @Test
  void aRejectedCommandIsAnError() {
    hardware.reject = true;

    assertRefused(Errno.EIO, () -> new Registers(hardware).invalidateDomain(1));
  }

  @Test
  void overflowIsTakenOnce() {
    hardware.registers.put(0x18L, 8L);
    Registers registers = new Registers(hardware);

    assertThat(registers.takeOverflow()).isTrue();
    assertThat(registers.takeOverflow()).isFalse();
  }
}
