package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.driver.soft.Refusals.assertRefused;

import org.iommu4j.api.Errno;
import org.junit.jupiter.api.Test;

class DeviceTableTest {
  private final FakeHardware hardware = new FakeHardware();
  private final DeviceTable table = new DeviceTable(hardware, new Registers(hardware));

  @Test
  void anEntryIsFoundThroughThreeLevels() {
    int streamId = 5 << 18 | 6 << 9 | 7;
    table.claim(streamId);

    long upper = hardware.word(table.top(), 5);
    assertThat(upper & 0xfff).isEqualTo(1);
    long middle = hardware.word(upper - 1, 6);
    assertThat(middle & 0xfff).isEqualTo(1);
    assertThat(table.entryOf(streamId)).isEqualTo(middle - 1 + 7 * 8);
    assertThat(hardware.allocatedPages()).isEqualTo(3);
  }

  @Test
  void aStreamIdIsClaimedOnce() {
    table.claim(0x100);

    assertRefused(Errno.EEXIST, () -> table.claim(0x100));
    table.release(0x100);
    table.claim(0x100);
  }

  @Test
  void streamIdsHave24Bits() {
    table.claim(0xff_ffff);

    assertRefused(Errno.EINVAL, () -> table.claim(0x100_0000));
    assertRefused(Errno.EINVAL, () -> table.claim(-1));
  }

  @Test
  void sparesAreTheLowestFreeNumbersAboveAllPciFunctions() {
    assertThat(table.claimSpare()).isEqualTo(0xff_0000);
    assertThat(table.claimSpare()).isEqualTo(0xff_0001);
    table.release(0xff_0000);
    assertThat(table.claimSpare()).isEqualTo(0xff_0000);
  }

  @Test
  void tablesAreFreedWithTheirLastDeviceAndAfterACommand() {
    table.claim(0x10);
    table.claim(0x11);
    table.claim(0x210);
    long low = hardware.word(table.top(), 0) - 1;
    long leaf = hardware.word(low, 0) - 1;
    hardware.write(table.entryOf(0x10), DeviceEntry.IDENTITY);
    hardware.write(table.entryOf(0x11), DeviceEntry.BLOCKED);
    hardware.write(table.entryOf(0x210), DeviceEntry.BLOCKED);

    table.release(0x10);
    assertThat(hardware.takeEvents()).containsExactly("device 0x10");
    assertThat(hardware.word(leaf, 0x10)).isZero();

    table.release(0x11);
    assertThat(hardware.takeEvents())
        .containsExactly("device 0x11", String.format("free 0x%x", leaf));
    assertThat(hardware.word(low, 0)).isZero();

    table.release(0x210);
    assertThat(hardware.takeEvents()).hasSize(3).first().isEqualTo("device 0x210");
    assertThat(hardware.allocatedPages()).isEqualTo(1);
    assertThat(hardware.word(table.top(), 0)).isZero();
  }

  @Test
  void aClaimWithoutMemoryLeavesNothing() {
    FakeHardware small = new FakeHardware(0, 2);
    DeviceTable cramped = new DeviceTable(small, new Registers(small));

    assertRefused(Errno.ENOMEM, () -> cramped.claim(0));
    assertThat(small.allocatedPages()).isEqualTo(1);
    assertThat(small.word(cramped.top(), 0)).isZero();
    assertRefused(Errno.ENOMEM, () -> cramped.claim(0));
  }
}
