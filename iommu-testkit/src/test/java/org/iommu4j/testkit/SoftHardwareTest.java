package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.iommu4j.testkit.SoftTables.DIRTY;
import static org.iommu4j.testkit.SoftTables.READ;
import static org.iommu4j.testkit.SoftTables.RW;
import static org.iommu4j.testkit.SoftTables.WRITE;
import static org.iommu4j.testkit.SoftTables.translate;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.Mmio;
import org.iommu4j.spi.PhysicalMemory;
import org.junit.jupiter.api.Test;

class SoftHardwareTest {
  private static final int NIC = 0x100;
  private static final int DOMAIN = 7;
  private static final long K4 = 0x1000;
  private static final long M2 = 0x20_0000;
  private static final long G1 = 0x4000_0000;
  private static final long TARGET = 0x5000_0000;

  private final SoftHardware hardware = SoftHardware.create();
  private final SoftTables tables = new SoftTables(hardware);
  private final PhysicalMemory memory = hardware.memory();
  private final DmaEngine dma = hardware.dma(NIC);
  private final long root = memory.allocatePage();

  private void attach() {
    tables.setDevice(NIC, translate(DOMAIN, root));
  }

  private static FaultRecord assertFault(FaultReason reason, ThrowingCallable access) {
    List<FaultRecord> record = new ArrayList<>();
    assertThatThrownBy(access)
        .isInstanceOfSatisfying(
            DmaFault.class,
            fault -> {
              assertThat(fault.reason()).isEqualTo(reason);
              record.add(fault.record());
            });
    return record.get(0);
  }

  @Test
  void nothingPassesBeforeTheHardwareIsEnabled() {
    SoftHardware fresh = SoftHardware.create();

    assertFault(FaultReason.DISABLED, () -> fresh.dma(NIC).read(0));
    fresh.port().registers().write64(0x08, 1);
    assertFault(FaultReason.UNKNOWN_DEVICE, () -> fresh.dma(NIC).read(0));
  }

  @Test
  void deviceModesDecide() {
    assertFault(FaultReason.UNKNOWN_DEVICE, () -> dma.read(TARGET));
    tables.setDevice(0x101, 1);
    assertFault(FaultReason.BLOCKED, () -> hardware.dma(0x101).read(TARGET));
    tables.setDevice(0x102, 2);
    hardware.dma(0x102).write(TARGET, 42);
    assertThat(memory.read(TARGET)).isEqualTo(42);
    assertThat(hardware.dma(0x102).translate(-8, FaultAccess.WRITE)).isEqualTo(-8);
    tables.setDevice(0x103, 5);
    assertFault(FaultReason.MALFORMED_DEVICE, () -> hardware.dma(0x103).read(TARGET));
    tables.setDevice(0xff_ffff, 2);
    assertThat(hardware.dma(0xff_ffff).read(TARGET)).isEqualTo(42);
  }

  @Test
  void allPageSizesAreTranslated() {
    attach();
    tables.map(root, K4, TARGET, 0, RW);
    tables.map(root, M2, 0x6000_0000, 1, RW);
    tables.map(root, 5 * G1, 0x8000_0000L, 2, RW);

    dma.write(K4 + 0xff8, 1);
    dma.write(2 * M2 - 8, 2);
    dma.write(5 * G1 + 0x1234_5678, 3);
    assertThat(memory.read(TARGET + 0xff8)).isEqualTo(1);
    assertThat(memory.read(0x6000_0000 + M2 - 8)).isEqualTo(2);
    assertThat(memory.read(0x8000_0000L + 0x1234_5678)).isEqualTo(3);
    assertThat(dma.read(5 * G1 + 0x1234_5678)).isEqualTo(3);
    assertThat(dma.translate(K4 + 0x123, FaultAccess.READ)).isEqualTo(TARGET + 0x123);
  }

  @Test
  void wrongAccessesAreRefusedAndRecorded() {
    attach();
    tables.map(root, K4, TARGET, 0, READ);
    tables.map(root, 2 * K4, TARGET, 0, WRITE | DIRTY);

    assertFault(FaultReason.PERMISSION, () -> dma.write(K4, 1));
    assertFault(FaultReason.PERMISSION, () -> dma.read(2 * K4));
    assertFault(FaultReason.NOT_MAPPED, () -> dma.read(3 * K4));
    assertFault(FaultReason.NOT_MAPPED, () -> dma.read(G1));
    FaultRecord wide = assertFault(FaultReason.ADDRESS_WIDTH, () -> dma.read(1L << 48));

    assertThat(wide)
        .isEqualTo(new FaultRecord(NIC, 0, 1L << 48, FaultAccess.READ, FaultReason.ADDRESS_WIDTH));
    assertThat(wide)
        .hasToString("READ of iova 0x1000000000000 by stream 0x100, PASID 0x0: ADDRESS_WIDTH");
    assertThat(hardware.faults()).hasSize(5).last().isEqualTo(wide);
    assertThat(hardware.stats().faults()).isEqualTo(5);
    hardware.clearFaults();
    assertThat(hardware.faults()).isEmpty();
    assertThat(memory.read(TARGET)).isZero();
  }

  @Test
  void malformedTablesAreRefused() {
    attach();
    memory.write(tables.pageEntry(root, 0, 0), TARGET | 1);
    tables.map(root, M2, TARGET + K4, 1, RW);
    memory.write(root + 8L * 511, TARGET | 0xf);

    assertFault(FaultReason.MALFORMED_PAGE, () -> dma.read(0));
    assertFault(FaultReason.MALFORMED_PAGE, () -> dma.read(M2));
    assertFault(FaultReason.MALFORMED_PAGE, () -> dma.read(511L << 39));
  }

  @Test
  void missingMemoryIsAFaultWhereverItIsMissed() {
    long nowhere = 1L << 40;
    attach();
    tables.map(root, 0, nowhere, 0, RW);
    memory.write(root + 8, nowhere | 1);
    tables.setDevice(0x101, translate(9, nowhere));
    memory.write(tables.deviceTable + 8L, nowhere | 1);

    assertFault(FaultReason.MEMORY, () -> dma.read(0));
    assertFault(FaultReason.MEMORY, () -> dma.write(8, 1));
    assertFault(FaultReason.MEMORY, () -> dma.read(1L << 39));
    assertFault(FaultReason.MEMORY, () -> hardware.dma(0x101).read(0));
    assertFault(FaultReason.MEMORY, () -> hardware.dma(1 << 18).read(0));
  }

  @Test
  void pasidsHaveEntriesOfTheirOwn() {
    long pasids = memory.allocatePage();
    long other = memory.allocatePage();
    tables.setDevice(NIC, pasids | 4);
    memory.write(pasids, 2);
    memory.write(pasids + 8, translate(DOMAIN, root));
    memory.write(pasids + 8 * 255, translate(8, other));
    memory.write(pasids + 8 * 3, 4);
    memory.write(TARGET, 10);
    memory.write(TARGET + K4, 20);
    tables.map(root, 0, TARGET, 0, RW);
    tables.map(other, 0, TARGET + K4, 0, RW);

    assertThat(dma.read(TARGET)).isEqualTo(10);
    assertThat(dma.read(1, 0)).isEqualTo(10);
    assertThat(dma.read(255, 0)).isEqualTo(20);
    dma.write(255, 8, 30);
    assertThat(memory.read(TARGET + K4 + 8)).isEqualTo(30);
    assertThat(dma.translate(255, 8, FaultAccess.READ)).isEqualTo(TARGET + K4 + 8);
    assertFault(FaultReason.BLOCKED, () -> dma.read(2, 0));
    assertFault(FaultReason.MALFORMED_DEVICE, () -> dma.read(3, 0));
    assertFault(FaultReason.NO_PASID, () -> dma.read(256, 0));
    assertFault(FaultReason.NO_PASID, () -> dma.read(-1, 0));
  }

  @Test
  void pasidsNeedAPasidTable() {
    attach();
    tables.setDevice(0x101, 1);
    assertFault(FaultReason.NO_PASID, () -> dma.read(1, 0));
    assertFault(FaultReason.BLOCKED, () -> hardware.dma(0x101).read(1, 0));

    SoftHardware plain = SoftHardware.builder().pasids(false).dirtyTracking(false).build();
    new SoftTables(plain).setDevice(NIC, 0x5000 | 4);
    assertFault(FaultReason.MALFORMED_DEVICE, () -> plain.dma(NIC).read(0));
    assertThat(plain.port().registers().read64(0)).isEqualTo(48 << 16 | 48 << 8 | 1);
  }

  @Test
  void anIotlbEntryStaysUntilInvalidated() {
    attach();
    tables.map(root, K4, TARGET, 0, RW);
    dma.write(K4, 1);
    tables.unmap(root, K4, 0);

    dma.write(K4, 2);
    assertThat(memory.read(TARGET)).isEqualTo(2);
    tables.invalidateRange(DOMAIN, 0, K4 - 1);
    tables.invalidateRange(DOMAIN, 2 * K4, -1);
    tables.invalidateRange(DOMAIN + 1, 0, -1);
    tables.invalidateDevice(NIC);
    dma.write(K4, 3);
    assertThat(memory.read(TARGET)).isEqualTo(3);

    tables.invalidateRange(DOMAIN, 2 * K4 - 1, 2 * K4 - 1);
    assertFault(FaultReason.NOT_MAPPED, () -> dma.write(K4, 4));
    assertThat(memory.read(TARGET)).isEqualTo(3);
    assertThat(hardware.staleHits()).isEqualTo(2);
  }

  @Test
  void oneInvalidatedAddressDropsAWholeLargePage() {
    attach();
    tables.map(root, M2, 0x6000_0000, 1, RW);
    dma.read(M2);
    tables.unmap(root, M2, 1);
    tables.invalidateRange(DOMAIN, M2 + 0x12_3000, M2 + 0x12_3000);

    assertFault(FaultReason.NOT_MAPPED, () -> dma.read(M2));
  }

  @Test
  void translationsAreSharedByTheDevicesOfADomain() {
    attach();
    tables.setDevice(0x200, translate(DOMAIN, root));
    tables.map(root, 0, TARGET, 0, RW);
    dma.read(0);
    hardware.dma(0x200).read(0);

    assertThat(hardware.stats().iotlbHits()).isEqualTo(1);
    assertThat(hardware.stats().iotlbMisses()).isEqualTo(1);
    tables.unmap(root, 0, 0);
    tables.invalidateDomain(DOMAIN);
    assertFault(FaultReason.NOT_MAPPED, () -> hardware.dma(0x200).read(0));
  }

  @Test
  void aStaleAccessIsDescribed() {
    List<StaleAccess> seen = new ArrayList<>();
    hardware.onStale(seen::add);
    attach();
    tables.map(root, K4, TARGET, 0, RW);
    dma.read(K4);
    tables.map(root, K4, TARGET + M2, 0, RW);
    dma.read(K4 + 8);
    tables.map(root, K4, TARGET, 0, READ);
    dma.read(K4);
    dma.write(K4 + 16, 1);

    assertThat(seen)
        .containsExactly(
            new StaleAccess(NIC, 0, K4 + 8, FaultAccess.READ, TARGET + 8, TARGET + M2 + 8),
            new StaleAccess(NIC, 0, K4 + 16, FaultAccess.WRITE, TARGET + 16, StaleAccess.NOWHERE));
    assertThat(seen.get(1))
        .hasToString(
            "stale WRITE of iova 0x1010 by stream 0x100, PASID 0x0:"
                + " cached 0x50000010, tables say refused");
    assertThat(hardware.staleHits()).isEqualTo(2);
  }

  @Test
  void staleAccessesNeedNotBeLookedFor() {
    SoftHardware fast = SoftHardware.builder().staleCheck(false).build();
    SoftTables fastTables = new SoftTables(fast);
    long table = fast.memory().allocatePage();
    fastTables.setDevice(NIC, translate(DOMAIN, table));
    fastTables.map(table, 0, TARGET, 0, RW);
    fast.dma(NIC).read(0);
    fastTables.unmap(table, 0, 0);
    fast.dma(NIC).read(0);

    assertThat(fast.stats().iotlbHits()).isEqualTo(1);
    assertThat(fast.staleHits()).isZero();
  }

  @Test
  void absenceOfAMappingIsNotCached() {
    attach();
    assertFault(FaultReason.NOT_MAPPED, () -> dma.read(K4));
    tables.map(root, K4, TARGET, 0, READ);
    dma.read(K4);
    assertFault(FaultReason.PERMISSION, () -> dma.write(K4, 1));
    tables.map(root, K4, TARGET, 0, RW);

    dma.write(K4, 1);
    assertThat(hardware.staleHits()).isZero();
  }

  @Test
  void deviceEntriesAreCachedWhateverTheySay() {
    assertFault(FaultReason.UNKNOWN_DEVICE, () -> dma.read(TARGET));
    tables.setDevice(NIC, 2);
    assertFault(FaultReason.UNKNOWN_DEVICE, () -> dma.read(TARGET));
    assertThat(hardware.staleHits()).isEqualTo(1);
    tables.invalidateDevice(NIC);
    dma.read(TARGET);

    tables.setDevice(NIC, 1);
    dma.read(TARGET);
    assertThat(hardware.staleHits()).isEqualTo(2);
    tables.invalidateDevice(NIC + 1);
    dma.read(TARGET);
    tables.invalidateDevice(NIC);
    assertFault(FaultReason.BLOCKED, () -> dma.read(TARGET));
    assertThat(hardware.stats().deviceInvalidations()).isEqualTo(3);
  }

  @Test
  void aWalkFromACachedDeviceEntryIsStaleToo() {
    List<StaleAccess> seen = new ArrayList<>();
    hardware.onStale(seen::add);
    attach();
    tables.map(root, 0, TARGET, 0, RW);
    tables.map(root, K4, TARGET, 0, RW);
    dma.read(0);
    tables.setDevice(NIC, 1);
    dma.read(K4);

    assertThat(seen)
        .containsExactly(
            new StaleAccess(NIC, 0, K4, FaultAccess.READ, TARGET, StaleAccess.NOWHERE));
  }

  @Test
  void pasidEntriesAreCachedToo() {
    long pasids = memory.allocatePage();
    tables.setDevice(NIC, pasids | 4);
    memory.write(pasids + 8, 2);
    dma.read(1, TARGET);
    memory.write(pasids + 8, 1);
    dma.read(1, TARGET);
    assertThat(hardware.staleHits()).isEqualTo(1);
    tables.invalidateDevice(NIC);

    assertFault(FaultReason.BLOCKED, () -> dma.read(1, TARGET));
  }

  @Test
  void aNewDeviceTableEmptiesAllCaches() {
    attach();
    tables.map(root, 0, TARGET, 0, RW);
    dma.read(0);
    assertThat(hardware.iotlbSize()).isEqualTo(1);
    tables.registers.write64(0x10, memory.allocatePage());

    assertThat(hardware.iotlbSize()).isZero();
    assertFault(FaultReason.UNKNOWN_DEVICE, () -> dma.read(0));
  }

  @Test
  void anIotlbForgetsInTurnWhenItIsFull() {
    SoftHardware small = SoftHardware.builder().iotlbCapacity(2).build();
    SoftTables smallTables = new SoftTables(small);
    long table = small.memory().allocatePage();
    smallTables.setDevice(NIC, translate(DOMAIN, table));
    for (int page = 0; page < 3; page++) {
      smallTables.map(table, page * K4, TARGET, 0, RW);
      small.dma(NIC).read(page * K4);
    }
    assertThat(small.iotlbSize()).isEqualTo(2);
    small.dma(NIC).read(K4);
    small.dma(NIC).read(2 * K4);
    assertThat(small.stats().iotlbHits()).isEqualTo(2);
    small.dma(NIC).read(0);
    assertThat(small.stats().iotlbMisses()).isEqualTo(4);
  }

  @Test
  void hardwareWithoutIotlbIsNeverStale() {
    SoftHardware none = SoftHardware.builder().iotlbCapacity(0).build();
    SoftTables noneTables = new SoftTables(none);
    long table = none.memory().allocatePage();
    noneTables.setDevice(NIC, translate(DOMAIN, table));
    noneTables.map(table, 0, TARGET, 0, RW);
    none.dma(NIC).read(0);
    noneTables.unmap(table, 0, 0);

    assertFault(FaultReason.NOT_MAPPED, () -> none.dma(NIC).read(0));
  }

  @Test
  void theFirstWriteMarksAPage() {
    attach();
    tables.map(root, 0, TARGET, 0, READ | WRITE);
    long entry = tables.pageEntry(root, 0, 0);
    dma.read(0);
    assertThat(memory.read(entry)).isEqualTo(TARGET | 0x0f);
    dma.write(0, 1);
    assertThat(memory.read(entry)).isEqualTo(TARGET | 0x1f);

    // Cached as marked: a mark that is taken away is not made again before an invalidation.
    memory.write(entry, TARGET | 0x0f);
    dma.write(0, 1);
    assertThat(memory.read(entry)).isEqualTo(TARGET | 0x0f);
    tables.invalidateDomain(DOMAIN);
    dma.write(0, 1);
    assertThat(memory.read(entry)).isEqualTo(TARGET | 0x1f);
    assertThat(hardware.staleHits()).isZero();
  }

  @Test
  void hardwareWithoutDirtyTrackingMarksNothing() {
    SoftHardware plain = SoftHardware.builder().dirtyTracking(false).build();
    SoftTables plainTables = new SoftTables(plain);
    long table = plain.memory().allocatePage();
    plainTables.setDevice(NIC, translate(DOMAIN, table));
    plainTables.map(table, 0, TARGET, 0, READ | WRITE);
    plain.dma(NIC).write(0, 1);
    plain.dma(NIC).write(0, 1);

    assertThat(plain.memory().read(plainTables.pageEntry(table, 0, 0))).isEqualTo(TARGET | 0x0f);
    assertThat(plain.stats().iotlbHits()).isEqualTo(1);
  }

  @Test
  void unalignedAccessesTouchTwoWords() {
    attach();
    tables.map(root, 0, TARGET, 0, RW);
    tables.map(root, K4, TARGET + M2, 0, RW);
    memory.write(TARGET + 0xff8, 0x1111_1111_1111_1111L);
    memory.write(TARGET + M2, 0x2222_2222_2222_2222L);

    dma.write(0xffd, 0x8877_6655_4433_2211L);
    assertThat(memory.read(TARGET + 0xff8)).isEqualTo(0x3322_1111_1111_1111L);
    assertThat(memory.read(TARGET + M2)).isEqualTo(0x2222_2288_7766_5544L);
    assertThat(dma.read(0xffd)).isEqualTo(0x8877_6655_4433_2211L);
    assertThat(dma.read(0xff9)).isEqualTo(0x4433_2211_1111_1111L);
  }

  @Test
  void theSecondWordOfAnUnalignedAccessMayBeRefused() {
    attach();
    tables.map(root, 0, TARGET, 0, RW);

    FaultRecord fault =
        assertFault(FaultReason.NOT_MAPPED, () -> dma.write(0xffc, 0x8877_6655_4433_2211L));
    assertThat(fault.iova()).isEqualTo(K4);
    assertThat(memory.read(TARGET + 0xff8)).isEqualTo(0x4433_2211_0000_0000L);
  }

  @Test
  void interruptMessagesAreNotTranslated() {
    tables.setDevice(NIC, 1);
    dma.write(0xfee0_0000L, 5);
    hardware.dma(0x4242).write(0xfeef_fff8L, 5);

    assertThat(hardware.stats().interruptMessages()).isEqualTo(2);
    assertThat(memory.read(0xfee0_0000L)).isZero();
    assertThat(dma.translate(0xfee0_1000L, FaultAccess.WRITE)).isEqualTo(0xfee0_1000L);
    assertFault(FaultReason.INTERRUPT_WINDOW, () -> dma.read(0xfee0_0000L));
    assertFault(FaultReason.BLOCKED, () -> dma.write(0xfef0_0000L, 1));
    assertFault(FaultReason.BLOCKED, () -> dma.write(1, 0xfee0_0000L, 1));
    assertThat(hardware.stats().interruptMessages()).isEqualTo(2);
  }

  @Test
  void faultsGoToTheRegistersAndInterrupt() {
    Mmio registers = tables.registers;
    List<Long> infos = new ArrayList<>();
    hardware.port().interrupt().onInterrupt(() -> infos.add(registers.read64(0x38)));
    attach();
    tables.map(root, 0, TARGET, 0, READ);
    assertThat(registers.read64(0x38)).isZero();
    assertThat(registers.read64(0x40)).isZero();
    assertFault(FaultReason.PERMISSION, () -> dma.write(0x18, 1));
    assertFault(FaultReason.NO_PASID, () -> dma.read(5, 0x9000));

    assertThat(infos).hasSize(2);
    assertThat(registers.read64(0x18)).isEqualTo(4);
    assertThat(registers.read64(0x38)).isEqualTo(1L << 63 | 1L << 62 | 8L << 56 | NIC);
    assertThat(registers.read64(0x40)).isEqualTo(0x18);
    registers.write64(0x38, 0);
    assertThat(registers.read64(0x38)).isEqualTo(1L << 63 | 5L << 56 | 5L << 24 | NIC);
    assertThat(registers.read64(0x40)).isEqualTo(0x9000);
    registers.write64(0x38, 0);
    assertThat(registers.read64(0x18)).isZero();
  }

  @Test
  void everyReasonHasANumber() {
    int number = 1;
    SoftTranslator translator = new SoftTranslator(memory, 0, false, 0, false);
    for (FaultReason reason : FaultReason.values()) {
      SoftRegisters registers = new SoftRegisters(translator, 0, false, 0);
      assertThat(registers.record(new FaultRecord(1, 0, 0, FaultAccess.READ, reason))).isFalse();
      assertThat(registers.read64(0x38) >>> 56 & 0xf).isEqualTo(number++);
    }
  }

  @Test
  void aFullFaultQueueLosesTheNewest() {
    Mmio registers = tables.registers;
    for (int i = 0; i < 17; i++) {
      long iova = i * 8L;
      assertFault(FaultReason.UNKNOWN_DEVICE, () -> dma.read(iova));
    }
    assertThat(registers.read64(0x18)).isEqualTo(12);
    registers.write64(0x18, 0);
    assertThat(registers.read64(0x18)).isEqualTo(12);
    registers.write64(0x18, 8);
    assertThat(registers.read64(0x18)).isEqualTo(4);
    for (int i = 0; i < 16; i++) {
      assertThat(registers.read64(0x40)).isEqualTo(i * 8L);
      registers.write64(0x38, 0);
    }
    assertThat(registers.read64(0x38)).isZero();
    assertThat(hardware.faults()).hasSize(17);
  }

  @Test
  void aBrokenInterruptHandlerDoesNotHideTheFault() {
    hardware
        .port()
        .interrupt()
        .onInterrupt(
            () -> {
              throw new IllegalStateException("broken");
            });

    assertThatThrownBy(() -> dma.read(0))
        .isInstanceOf(DmaFault.class)
        .satisfies(fault -> assertThat(fault.getSuppressed()).hasSize(1));
  }

  @Test
  void undefinedRegisterAccessesAreRefused() {
    Mmio registers = tables.registers;
    for (long offset : new long[] {-8, 4, 0x30, 0x48, 1L << 32}) {
      assertThatThrownBy(() -> registers.read64(offset)).isInstanceOf(IommuException.class);
    }
    for (long offset : new long[] {-8, 0, 0x40, 0x48, 0x1000}) {
      assertThatThrownBy(() -> registers.write64(offset, 0)).isInstanceOf(IommuException.class);
    }
    assertThatThrownBy(() -> registers.read32(0))
        .hasMessage("EINVAL: cannot read 32 bits of register 0x0 of a SoftIOMMU");
    assertThatThrownBy(() -> registers.write32(8, 0)).isInstanceOf(IommuException.class);
  }

  @Test
  void registersKeepWhatWasWritten() {
    Mmio registers = tables.registers;
    registers.write64(0x20, 5);
    registers.write64(0x28, 6);

    assertThat(registers.read64(0x00)).isEqualTo(1L << 32 | 8 << 24 | 48 << 16 | 48 << 8 | 1);
    assertThat(registers.read64(0x08)).isEqualTo(3);
    assertThat(registers.read64(0x10)).isEqualTo(tables.deviceTable);
    assertThat(registers.read64(0x20)).isEqualTo(5);
    assertThat(registers.read64(0x28)).isEqualTo(6);
  }

  @Test
  void senselessCommandsAreRejected() {
    tables.registers.write64(0x30, 4);
    assertThat(tables.registers.read64(0x18)).isEqualTo(2);
    tables.invalidateDomain(1);
    assertThat(tables.registers.read64(0x18)).isZero();
    tables.invalidateRange(1, 8, 7);
    assertThat(tables.registers.read64(0x18)).isEqualTo(2);
    assertThat(hardware.stats().rangeInvalidations()).isZero();
    assertThat(hardware.stats().invalidations()).isEqualTo(1);
  }

  @Test
  void slowCommandsDoNothingUntilTheyAreWaitedFor() {
    SoftHardware slow = SoftHardware.builder().commandLatency(2).name("slow0").build();
    SoftTables slowTables = new SoftTables(slow);
    slowTables.setDevice(NIC, 2);
    slow.dma(NIC).read(0);
    slowTables.setDevice(NIC, 1);
    slowTables.invalidateDevice(NIC);
    slow.dma(NIC).read(0);
    assertThat(slowTables.registers.read64(0x18)).isEqualTo(1);
    slowTables.invalidateDomain(1);
    slow.dma(NIC).read(0);
    assertThat(slowTables.registers.read64(0x18)).isEqualTo(3);

    assertThat(slowTables.registers.read64(0x18)).isEqualTo(2);
    assertFault(FaultReason.BLOCKED, () -> slow.dma(NIC).read(0));
    assertThat(slow.port().name()).isEqualTo("slow0");
    assertThat(slow).asString().startsWith("slow0 HardwareStats[");
  }

  @Test
  void devicesAreKnownByTheirStreamIds() {
    tables.setDevice(0x7_0113, 2);
    PciDevice pci = PciDevice.at("0007:01:02.3");
    hardware.dma(pci).write(TARGET, 1);
    DevIommu probed = mock(DevIommu.class);
    when(probed.device()).thenReturn(pci);
    hardware.dma(probed).write(TARGET + 8, 2);
    tables.setDevice(0x42, 2);
    FirmwareNode node = new FirmwareNode("iommu");
    PlatformDevice uart =
        PlatformDevice.builder("uart")
            .iommu(IommuSpecifier.of(node))
            .iommu(new IommuSpecifier(node, List.of(0x42, 0x43)))
            .build();
    hardware.dma(uart).write(TARGET + 16, 3);

    assertThat(memory.read(TARGET + 8)).isEqualTo(2);
    assertThat(memory.read(TARGET + 16)).isEqualTo(3);
    PlatformDevice anonymous = PlatformDevice.builder("x").build();
    assertThatIllegalArgumentException().isThrownBy(() -> hardware.dma(anonymous));
    assertThatIllegalArgumentException().isThrownBy(() -> hardware.dma(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> hardware.dma(1 << 24));
    assertThat(hardware.dma(0x42)).hasToString("DMA of stream 0x42 through soft0");
  }

  @Test
  void memoryCanBeSharedOrSized() {
    HeapMemory shared = HeapMemory.ofSize(1 << 20);

    assertThat(SoftHardware.builder().memory(shared).build().memory()).isSameAs(shared);
    SoftHardware small = SoftHardware.builder().memorySize(8192).build();
    assertThat(small.port().memory().allocatePage()).isEqualTo(4096);
    assertThatIllegalArgumentException().isThrownBy(() -> SoftHardware.builder().iotlbCapacity(-1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SoftHardware.builder().commandLatency(-1));
  }
}
