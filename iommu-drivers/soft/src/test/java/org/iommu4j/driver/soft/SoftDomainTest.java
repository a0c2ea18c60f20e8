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
        .contains(DomainOp.MAP_PAGES, DomainOp.IOTLB_SYNC, DomainOp.FLUSH_IOTLB_ALL)
        .doesNotContain(DomainOp.IOTLB_SYNC_MAP, DomainOp.MAP_RANGE);
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
    assertMapFailed(Errno.EINVAL, 0, domain.mapPages(0, 0, 0x2000, 1, Prot.RW));
    assertMapFailed(Errno.EINVAL, 0, domain.mapPages(0, 0, 0, 1, Prot.RW));
    assertMapFailed(Errno.EINVAL, 0, domain.mapPages(0x800, 0, K4, 1, Prot.RW));
    assertMapFailed(Errno.EINVAL, 0, domain.mapPages(0, K4, M2, 1, Prot.RW));
    assertMapFailed(Errno.EINVAL, 0, domain.mapPages(0, 0, K4, 1, Prot.CACHE));
    assertMapFailed(Errno.ERANGE, 0, domain.mapPages(LIMIT, 0, K4, 1, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapPages(LIMIT - K4, 0, K4, 2, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapPages(-K4, 0, K4, 1, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapPages(0, LIMIT - K4, K4, 2, Prot.RW));
    assertMapFailed(Errno.ERANGE, 0, domain.mapPages(0, 0, K4, 1L << 60, Prot.RW));
    assertThat(hardware.allocatedPages()).isEqualTo(baseline);
  }

  @Test
  void theWholeApertureCanBeUsed() {
    assertMapped(1, domain.mapPages(LIMIT - K4, LIMIT - K4, K4, 1, Prot.RW));

    assertThat(domain.iovaToPhys(LIMIT - 1)).isEqualTo(LIMIT - 1);
    assertThat(domain.iovaToPhys(LIMIT)).isZero();
    assertThat(domain.iovaToPhys(-1)).isZero();
    assertThat(domain.unmapPages(LIMIT - K4, K4, 9, gather)).isEqualTo(K4);
    assertThat(domain.unmapPages(LIMIT, K4, 1, gather)).isZero();
    assertThat(domain.unmapPages(0, 0x2000, 1, gather)).isZero();
  }

  @Test
  void protectionBitsWithoutAPlaceAreDropped() {
    domain.mapPages(0, K4, K4, 1, Prot.READ | Prot.CACHE | Prot.NOEXEC | Prot.MMIO | Prot.PRIV);

    long entry = root();
    for (int level = 0; level < 4; level++) {
      entry = hardware.word(entry & 0x0000_ffff_ffff_f000L, 0);
    }
    assertThat(entry).isEqualTo(K4 | 0x1b);
  }

  @Test
  void aMapNeedsNoCommand() {
    domain.mapPages(0, K4, K4, 100, Prot.RW);

    assertThat(hardware.takeEvents()).isEmpty();
  }

  @Test
  void aSyncInvalidatesExactlyTheRangeAndThenFreesTables() {
    domain.mapPages(0x10_0000, K4, K4, 3, Prot.RW);
    assertThat(domain.unmapPages(0x10_0000, K4, 3, gather)).isEqualTo(3 * K4);
    assertThat(hardware.takeEvents()).isEmpty();

    gather.sync(domain);
    List<String> events = hardware.takeEvents();
    assertThat(events).hasSize(4);
    assertThat(events.get(0)).isEqualTo("range 1 [0x100000, 0x102fff]");
    assertThat(events.subList(1, 4)).allMatch(event -> event.startsWith("free "));
    assertThat(hardware.allocatedPages()).isEqualTo(baseline);
  }

  @Test
  void neighbouringUnmapsShareACommandAndOthersDoNot() {
    domain.mapPages(0, K4, K4, 16, Prot.RW);
    domain.unmapPages(K4, K4, 1, gather);
    domain.unmapPages(2 * K4, K4, 1, gather);
    assertThat(hardware.takeEvents()).isEmpty();

    domain.unmapPages(9 * K4, K4, 2, gather);
    assertThat(hardware.takeEvents()).containsExactly("range 1 [0x1000, 0x2fff]");
    gather.sync(domain);
    assertThat(hardware.takeEvents()).containsExactly("range 1 [0x9000, 0xafff]");
  }

  @Test
  void whatWasNotUnmappedIsNotInvalidated() {
    domain.mapPages(0, K4, K4, 2, Prot.RW);
    assertThat(domain.unmapPages(0, K4, 8, gather)).isEqualTo(2 * K4);
    assertThat(domain.unmapPages(2 * K4, K4, 8, gather)).isZero();

    assertThat(gather.end()).isEqualTo(2 * K4 - 1);
  }

  @Test
  void aQueuedUnmapIsFinishedByTheNextFullFlush() {
    domain.mapPages(0, K4, K4, 1, Prot.RW);
    gather.queue();
    assertThat(domain.unmapPages(0, K4, 1, gather)).isEqualTo(K4);
    assertThat(gather.hasRange()).isFalse();
    assertThat(hardware.takeEvents()).isEmpty();

    domain.flushIotlbAll();
    assertThat(hardware.takeEvents()).hasSize(4).first().isEqualTo("domain 1");
    assertThat(hardware.allocatedPages()).isEqualTo(baseline);
    domain.flushIotlbAll();
    assertThat(hardware.takeEvents()).containsExactly("domain 1");
  }

  @Test
  void tablesOfAFlushThatFailedAreNeverReused() {
    domain.mapPages(0, K4, K4, 1, Prot.RW);
    gather.queue();
    domain.unmapPages(0, K4, 1, gather);
    hardware.hang = true;

    assertRefused(Errno.ETIMEDOUT, domain::flushIotlbAll);
    assertThat(hardware.takeEvents()).containsExactly("domain 1");
    assertThat(hardware.allocatedPages()).isEqualTo(baseline + 3);
  }

  @Test
  void freeingInvalidatesThenGivesTablesAndNumberBack() {
    PagingDomainOps second = alloc();
    assertThat(second).hasToString("fake0.2");
    second.mapPages(0, K4, K4, 600, Prot.RW);
    domain.mapPages(0, K4, K4, 600, Prot.RW);

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
    tracking.mapPages(0, K4, K4, 4, Prot.RW);
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
    tracking.mapPages(0, K4, K4, 4, Prot.RW);
    dirty.setDirtyTracking(false);
    markAllWritten(tracking);

    assertRefused(Errno.EINVAL, () -> dirtyPages(dirty, false));
    assertThat(dirtyPages(dirty, true)).isEqualTo(4);
    dirty.readAndClearDirty(LIMIT, K4, true, new DirtyBitmap(LIMIT, 12, null, null));
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
