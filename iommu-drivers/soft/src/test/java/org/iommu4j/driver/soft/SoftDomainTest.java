package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.driver.soft.Refusals.assertMapFailed;
import static org.iommu4j.driver.soft.Refusals.assertMapped;
import static org.iommu4j.driver.soft.Refusals.assertRefused;
import static org.mockito.Mockito.mock;

import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.PagingDomainOps;
import org.junit.jupiter.api.Test;

class SoftDomainTest {
  private static final long K4 = 0x1000;
  private static final long M2 = 0x20_0000;
  private static final long LIMIT = 1L << 48;

  private final FakeHardware hardware = new FakeHardware();
  private final SoftIommu iommu = (SoftIommu) SoftIommu.on(hardware).ops();
  private final DevIommu device =
      Devices.probed(iommu, PciDevice.builder("0000:01:00.0").pasidLimit(16).build());
  private final DevIommu plain = Devices.probed(iommu, PciDevice.at("0000:02:00.0"));
  private final PagingDomainOps domain = alloc();
  private final Domain self = mock(PagingDomain.class);
  private final IotlbGather gather = new IotlbGather();
  private final long baseline = hardware.allocatedPages();

  private PagingDomainOps alloc(AllocFlag... flags) {
    PagingDomainOps made = iommu.domainAllocPagingFlags(device, Set.of(flags));
    hardware.takeEvents();
    return made;
  }

  private long deviceEntry(DevIommu of) {
    return hardware.read(iommu.devices().entryOf(SoftIommu.streamId(of)));
  }

  private long root() {
    domain.attachDev(self, plain, null);
    hardware.takeEvents();
    return deviceEntry(plain) & 0x0000_ffff_ffff_f000L;
  }

  @Test
  void itSaysWhatItIs() {
    assertThat(domain.pageSizes()).isEqualTo(0x4020_1000L);
    assertThat(domain.geometry()).isEqualTo(DomainGeometry.ofBits(48));
    assertThat(domain.operations())
        .containsExactlyInAnyOrder(
            DomainOp.ATTACH_DEV,
            DomainOp.SET_DEV_PASID,
            DomainOp.FREE,
            DomainOp.MAP_RANGE,
            DomainOp.IOVA_TO_PHYS,
            DomainOp.IOTLB_SYNC,
            DomainOp.FLUSH_IOTLB_ALL);
    assertThat(domain.dirtyOps()).isNull();
    assertThat(domain).hasToString("fake0.1");
  }

  @Test
  void attachingWritesOneWordAndInvalidatesTheDevice() {
    domain.attachDev(self, plain, null);

    assertThat(deviceEntry(plain)).isEqualTo(1L << 48 | root() | 3);
    domain.attachDev(self, plain, self);
    assertThat(hardware.takeEvents()).containsExactly("device 0x200");
  }

  @Test
  void aDeviceWithPasidsKeepsItsTable() {
    long table = deviceEntry(device) & ~7L;
    assertThat(deviceEntry(device) & 7).isEqualTo(4);
    assertThat(hardware.word(table, 0)).isZero();

    domain.attachDev(self, device, null);
    domain.setDevPasid(self, device, 3, null);
    assertThat(hardware.word(table, 0)).isEqualTo(1L << 48 | root() | 3);
    assertThat(hardware.word(table, 3)).isEqualTo(1L << 48 | root() | 3);

    iommu.blockedDomain().setDevPasid(self, device, 3, self);
    iommu.identityDomain().attachDev(self, device, self);
    assertThat(hardware.word(table, 0)).isEqualTo(2);
    assertThat(hardware.word(table, 3)).isEqualTo(1);
    assertThat(deviceEntry(device)).isEqualTo(table | 4);
    assertThat(hardware.takeEvents()).containsExactly("device 0x100", "device 0x100");
  }

  @Test
  void pasidsOfADeviceAreLimited() {
    domain.setDevPasid(self, device, 15, null);

    assertRefused(Errno.EINVAL, () -> domain.setDevPasid(self, device, 16, null));
    assertRefused(Errno.EINVAL, () -> domain.setDevPasid(self, device, -1, null));
    assertRefused(Errno.EINVAL, () -> domain.setDevPasid(self, plain, 1, null));
  }

  @Test
  void aFailedAttachLeavesTheDeviceWhereItWas() {
    hardware.reject = true;

    assertRefused(Errno.EIO, () -> domain.attachDev(self, plain, null));
    assertThat(deviceEntry(plain)).isEqualTo(1);
  }

  @Test
  void devicesOfOtherInstancesAreRefused() {
    SoftIommu other = (SoftIommu) SoftIommu.on(new FakeHardware()).ops();
    DevIommu stranger = Devices.probed(other, PciDevice.at("0000:01:00.0"));

    assertRefused(Errno.EINVAL, () -> domain.attachDev(self, stranger, null));
    assertRefused(Errno.EINVAL, () -> iommu.blockedDomain().attachDev(self, stranger, null));
  }

  @Test
  void impossibleMapsAreRefusedBeforeAnythingChanges() {
    assertMapFailed(Errno.EINVAL, 0, domain.mapRange(0, 0, 0, Prot.RW));
    assertMapFailed(Errno.EINVAL, 0, domain.mapRange(0, 0, K4, Prot.CACHE));
    assertMapFailed(Errno.ENXIO, 0, domain.mapRange(0x800, 0, K4, Prot.RW));
    assertMapFailed(Errno.ENXIO, 0, domain.mapRange(0, 0x800, M2, Prot.RW));
    assertMapFailed(Errno.ENXIO, 0, domain.mapRange(0, 0, 0x1800, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapRange(LIMIT, 0, K4, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapRange(LIMIT - K4, 0, 2 * K4, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapRange(-K4, 0, K4, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapRange(0, LIMIT - K4, 2 * K4, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapRange(0, LIMIT, K4, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapRange(0, -K4, 2 * K4, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapRange(0, 0, -K4, Prot.RW));
    assertThat(hardware.allocatedPages()).isEqualTo(baseline);
  }

  @Test
  void theWholeApertureCanBeUsed() {
    assertMapped(1, domain.mapRange(LIMIT - K4, LIMIT - K4, K4, Prot.RW));

    assertThat(domain.iovaToPhys(LIMIT - 1)).isEqualTo(LIMIT - 1);
    assertThat(domain.iovaToPhys(LIMIT)).isZero();
    assertThat(domain.iovaToPhys(-1)).isZero();
    assertThat(domain.unmapRange(LIMIT - K4, K4, gather)).isEqualTo(K4);
    assertThat(domain.unmapRange(LIMIT, K4, gather)).isZero();
    assertThat(domain.unmapRange(0, 0, gather)).isZero();
  }

  @Test
  void protectionBitsWithoutAPlaceAreDropped() {
    domain.mapRange(0, K4, K4, Prot.READ | Prot.CACHE | Prot.NOEXEC | Prot.MMIO | Prot.PRIV);

    long entry = root();
    for (int level = 0; level < 4; level++) {
      entry = hardware.word(entry & 0x0000_ffff_ffff_f000L, 0);
    }
    assertThat(entry).isEqualTo(K4 | 0x1b);
  }

  @Test
  void aMapNeedsNoCommand() {
    domain.mapRange(0, K4, 100 * K4, Prot.RW);

    assertThat(hardware.takeEvents()).isEmpty();
  }

  @Test
  void aMapThatReplacesEmptiedTablesInvalidatesThem() {
    domain.mapRange(M2, K4, 2 * K4, Prot.RW);
    domain.unmapRange(M2, 2 * K4, gather);
    gather.sync(domain);
    hardware.takeEvents();

    assertMapped(512, domain.mapRange(M2, 0x800_0000, M2, Prot.RW));
    assertThat(hardware.takeEvents()).hasSize(2).first().isEqualTo("range 1 [0x200000, 0x3fffff]");
    assertThat(hardware.allocatedPages()).isEqualTo(baseline + 2);
  }

  @Test
  void aLargePageGoesWholeButOnlyFromItsBeginning() {
    domain.mapRange(2 * M2, 0x800_0000, M2, Prot.RW);

    assertThat(domain.unmapRange(2 * M2 + K4, K4, gather)).isZero();
    assertThat(domain.iovaToPhys(2 * M2)).isEqualTo(0x800_0000);
    gather.init();
    assertThat(domain.unmapRange(2 * M2, K4, gather)).isEqualTo(M2);
    gather.sync(domain);
    assertThat(domain.iovaToPhys(3 * M2 - 1)).isZero();
    assertThat(hardware.takeEvents()).containsExactly("range 1 [0x400000, 0x5fffff]");
  }

  @Test
  void anOverlapStopsAMapAfterItsProgress() {
    domain.mapRange(5 * K4, 0x9000, K4, Prot.RW);

    assertMapFailed(Errno.EADDRINUSE, 3, domain.mapRange(2 * K4, 0x10_0000, 8 * K4, Prot.RW));
    assertMapFailed(Errno.EADDRINUSE, 0, domain.mapRange(0, 0x800_0000, M2, Prot.RW));
    assertThat(domain.iovaToPhys(4 * K4)).isEqualTo(0x10_2000);
    assertThat(domain.iovaToPhys(5 * K4)).isEqualTo(0x9000);
    assertThat(domain.iovaToPhys(6 * K4)).isZero();
  }

  @Test
  void aSyncInvalidatesExactlyTheRangeAndThenFreesTables() {
    domain.mapRange(M2, K4, M2, Prot.RW);
    long used = hardware.allocatedPages();
    assertThat(domain.unmapRange(M2, M2, gather)).isEqualTo(M2);
    assertThat(hardware.takeEvents()).isEmpty();

    gather.sync(domain);
    List<String> events = hardware.takeEvents();
    assertThat(events).hasSize(2);
    assertThat(events.get(0)).isEqualTo("range 1 [0x200000, 0x3fffff]");
    assertThat(events.get(1)).startsWith("free ");
    assertThat(hardware.allocatedPages()).isEqualTo(used - 1);
  }

  @Test
  void neighbouringUnmapsShareACommandAndOthersDoNot() {
    domain.mapRange(0, K4, 16 * K4, Prot.RW);
    domain.unmapRange(K4, K4, gather);
    domain.unmapRange(2 * K4, K4, gather);
    assertThat(hardware.takeEvents()).isEmpty();

    domain.unmapRange(9 * K4, 2 * K4, gather);
    assertThat(hardware.takeEvents()).containsExactly("range 1 [0x1000, 0x2fff]");
    gather.sync(domain);
    assertThat(hardware.takeEvents()).containsExactly("range 1 [0x9000, 0xafff]");
  }

  @Test
  void whatWasNotUnmappedIsNotInvalidated() {
    domain.mapRange(0, K4, 2 * K4, Prot.RW);
    assertThat(domain.unmapRange(0, 8 * K4, gather)).isEqualTo(2 * K4);
    assertThat(domain.unmapRange(2 * K4, 8 * K4, gather)).isZero();

    assertThat(gather.end()).isEqualTo(2 * K4 - 1);
  }

  @Test
  void holesInARowNeedNoCommand() {
    assertThat(domain.unmapRange(5 * K4, K4, gather)).isZero();
    assertThat(domain.unmapRange(9 * K4, K4, gather)).isZero();
    gather.sync(domain);

    assertThat(hardware.takeEvents()).isEmpty();
  }

  @Test
  void aQueuedUnmapIsFinishedByTheNextFullFlush() {
    domain.mapRange(0, K4, M2, Prot.RW);
    long used = hardware.allocatedPages();
    gather.queue();
    assertThat(domain.unmapRange(0, M2, gather)).isEqualTo(M2);
    assertThat(gather.hasRange()).isFalse();
    assertThat(gather.freedCount()).isZero();
    assertThat(hardware.takeEvents()).isEmpty();

    domain.flushIotlbAll();
    assertThat(hardware.takeEvents()).hasSize(2).first().isEqualTo("domain 1");
    assertThat(hardware.allocatedPages()).isEqualTo(used - 1);
    domain.flushIotlbAll();
    assertThat(hardware.takeEvents()).containsExactly("domain 1");
  }

  @Test
  void tablesOfAFlushThatFailedWaitForOneThatSucceeds() {
    domain.mapRange(0, K4, M2, Prot.RW);
    long used = hardware.allocatedPages();
    gather.queue();
    domain.unmapRange(0, M2, gather);
    hardware.hang = true;

    assertRefused(Errno.ETIMEDOUT, domain::flushIotlbAll);
    assertThat(hardware.takeEvents()).containsExactly("domain 1");
    assertThat(hardware.allocatedPages()).isEqualTo(used);
    hardware.hang = false;
    domain.flushIotlbAll();
    assertThat(hardware.allocatedPages()).isEqualTo(used - 1);
  }

  @Test
  void freeingInvalidatesThenGivesTablesAndNumberBack() {
    PagingDomainOps second = alloc();
    assertThat(second).hasToString("fake0.2");
    second.mapRange(0, K4, 600 * K4, Prot.RW);
    domain.mapRange(0, K4, 600 * K4, Prot.RW);

    domain.free(self);
    assertThat(hardware.takeEvents()).hasSize(6).first().isEqualTo("domain 1");
    assertThat(alloc()).hasToString("fake0.1");
    second.free(self);
    assertThat(hardware.allocatedPages()).isEqualTo(baseline);
  }

  @Test
  void domainNumbersAndMemoryRunOut() {
    DomainIds ids = new DomainIds();
    for (int id = 1; id <= 0xffff; id++) {
      assertThat(ids.take()).isEqualTo(id);
    }
    assertRefused(Errno.ENOSPC, ids::take);
    ids.giveBack(77);
    assertThat(ids.take()).isEqualTo(77);

    FakeHardware small = new FakeHardware(0, 2);
    SoftIommu cramped = (SoftIommu) SoftIommu.on(small).ops();
    PagingDomainOps only = cramped.domainAllocPagingFlags(device, Set.of());
    assertRefused(Errno.ENOMEM, () -> cramped.domainAllocPagingFlags(device, Set.of()));
    only.free(self);
    assertThat(cramped.domainAllocPagingFlags(device, Set.of())).hasToString("fake0.1");
  }

  @Test
  void dirtyTrackingStartsClean() {
    PagingDomainOps tracking = alloc(AllocFlag.DIRTY);
    DirtyOps dirty = Objects.requireNonNull(tracking.dirtyOps());
    tracking.mapRange(0, K4, 4 * K4, Prot.RW);
    markAllWritten(tracking);

    dirty.setDirtyTracking(true);
    assertThat(hardware.takeEvents()).containsExactly("domain 2");
    assertThat(dirtyPages(dirty, false)).isZero();

    markAllWritten(tracking);
    assertThat(dirtyPages(dirty, true)).isEqualTo(4);
    dirty.setDirtyTracking(true);
    assertThat(hardware.takeEvents()).isEmpty();
    assertThat(dirtyPages(dirty, false)).isEqualTo(4);
    assertThat(dirtyPages(dirty, false)).isZero();
  }

  @Test
  void marksAreNotClearedWhileTrackingIsOff() {
    PagingDomainOps tracking = alloc(AllocFlag.DIRTY);
    DirtyOps dirty = Objects.requireNonNull(tracking.dirtyOps());
    tracking.mapRange(0, K4, 4 * K4, Prot.RW);
    dirty.setDirtyTracking(false);
    markAllWritten(tracking);

    assertRefused(Errno.EINVAL, () -> dirtyPages(dirty, false));
    assertThat(dirtyPages(dirty, true)).isEqualTo(4);
    assertRefused(
        Errno.ERANGE,
        () -> dirty.readAndClearDirty(LIMIT, K4, true, new DirtyBitmap(LIMIT, 12, null, null)));
  }

  private static int dirtyPages(DirtyOps dirty, boolean noClear) {
    BitSet bits = new BitSet();
    dirty.readAndClearDirty(0, LIMIT, noClear, new DirtyBitmap(0, 12, bits, null));
    return bits.cardinality();
  }

  /** What hardware does at a write. */
  private void markAllWritten(DomainOps of) {
    of.attachDev(self, plain, null);
    hardware.takeEvents();
    long entry = deviceEntry(plain);
    for (int level = 0; level < 3; level++) {
      entry = hardware.word(entry & 0x0000_ffff_ffff_f000L, 0);
    }
    long table = entry & 0x0000_ffff_ffff_f000L;
    for (int i = 0; i < 4; i++) {
      hardware.write(table + 8L * i, hardware.word(table, i) | 0x10);
    }
  }
}
