package org.iommu4j.core.domain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.List;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Gfp;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Prot;
import org.iommu4j.api.SgSegment;
import org.iommu4j.fake.FakeDomain;
import org.iommu4j.fake.FakeDomain.Gathering;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Map, unmap, scatter-gather and the gather, through a real domain of a faked driver. */
final class MapTest {
  private static final long K4 = 0x1000;
  private static final long ALL_SIZES = 0x4020_1000L;

  @RegisterExtension final Rig rig = new Rig();

  private boolean started;

  private PagingDomain domain() {
    return domain(K4);
  }

  private PagingDomain domain(long pageSizes) {
    rig.driver.pageSizes = pageSizes;
    if (!started) {
      started = true;
      rig.boot = rig.boot.withPassthrough("1");
      rig.start();
      rig.add("a");
    }
    PagingDomain made = rig.domain("a");
    rig.journal.clear();
    return made;
  }

  private FakeDomain table() {
    return rig.driver.lastDomain();
  }

  // ---- mapping ----

  @ParameterizedTest // CORE-508, CORE-506, CORE-507
  @CsvSource(
      delimiter = '|',
      value = {
        "1ff000  | 3ff000  | 402000  | 0x1ff000 0x3ff000 0x1000 x1 / 0x200000 0x400000 0x200000 x2"
            + " / 0x600000 0x800000 0x1000 x1",
        "200000  | 201000  | 400000  | 0x200000 0x201000 0x1000 x1024",
        "3ff00000| 3ff00000| 40300000| 0x3ff00000 0x3ff00000 0x1000 x256 / 0x40000000 0x40000000"
            + " 0x40000000 x1 / 0x80000000 0x80000000 0x200000 x1",
        "0       | 0       | 603000  | 0x0 0x0 0x200000 x3 / 0x600000 0x600000 0x1000 x3",
      })
  void theVectorsOfTheRules(String iova, String paddr, String size, String expected) {
    PagingDomain domain = domain(ALL_SIZES);
    domain.map(hex(iova), hex(paddr), hex(size), Prot.RW);
    assertThat(rig.takeCalls())
        .containsExactlyElementsOf(
            List.of(expected.split(" / ")).stream()
                .map(call -> "map D1 " + call.strip() + " prot=3")
                .toList());
    assertThat(domain.unmap(hex(iova), hex(size))).isEqualTo(hex(size));
    domain.close();
  }

  private static long hex(String text) {
    return Long.parseLong(text.strip(), 16);
  }

  @Test // CORE-500, CORE-1024: once per place
  void domainsWithoutMappingsAreRefusedOnce() {
    PagingDomain none = domain(0);
    refused(Errno.EINVAL, () -> none.map(K4, K4, K4, Prot.RW));
    assertThat(rig.takeViolations()).containsExactly("1024 map-bad-domain");
    refused(Errno.EINVAL, () -> rig.core().map(rig.identity(), K4, K4, K4, Prot.RW, Gfp.KERNEL));
    assertThat(rig.takeViolations()).isEmpty();
    assertThat(rig.journal.all()).as("no trace event: CORE-1002").isEmpty();
    none.close();
  }

  @ParameterizedTest // CORE-500
  @EnumSource(Gfp.class)
  void onlyOrdinaryMemoryIsAccepted(Gfp gfp) {
    PagingDomain domain = domain();
    if (gfp == Gfp.KERNEL || gfp == Gfp.ATOMIC) {
      rig.core().map(domain, K4, K4, K4, Prot.RW, gfp);
      assertThat(table().mappedPages()).isEqualTo(1);
    } else {
      refused(Errno.EINVAL, () -> rig.core().mapNosync(domain, K4, K4, K4, Prot.RW, gfp));
      assertThat(rig.takeViolations()).containsExactly("1024 map-bad-domain");
      assertThat(rig.takeCalls()).isEmpty();
    }
    domain.close();
  }

  @Test // CORE-501: a whole-range domain gets one call and does its own checks
  void wholeRangesAreOneCall() {
    rig.driver.domainOperations.remove(DomainOp.MAP_PAGES);
    rig.driver.domainOperations.add(DomainOp.MAP_RANGE);
    PagingDomain domain = domain(ALL_SIZES);
    domain.map(0x1ff000, 0x3ff000, 0x402000, Prot.RW);
    assertThat(rig.takeCalls()).containsExactly("map_range D1 0x1ff000 0x3ff000 0x402000 prot=3");
    assertThat(domain.unmap(0x1ff000, 0x402000)).isEqualTo(0x402000);
    assertThat(rig.takeCalls()).containsExactly("unmap_range D1 0x1ff000 0x402000");
    rig.hooks.fail("map_range", "D1", Errno.ENXIO);
    refused(Errno.ENXIO, () -> domain.map(0x800, K4, K4, Prot.RW));
    rig.hooks.fail("map_range", "D1", Errno.ERANGE);
    refused(Errno.ERANGE, () -> domain.map(-K4, K4, 2 * K4, Prot.RW));
    domain.close();
  }

  @Test // CORE-502, CORE-532, CORE-1025
  void aDriverThatCannotMap() {
    rig.driver.domainOperations.remove(DomainOp.MAP_PAGES);
    PagingDomain domain = domain();
    refused(Errno.ENODEV, () -> domain.map(K4, K4, K4, Prot.RW));
    assertThat(rig.takeViolations()).containsExactly("1025 no-map-pages", "1025 no-unmap-pages");
    assertThat(domain.unmap(K4, K4)).isZero();
    assertThat(rig.takeViolations()).containsExactly("1025 no-unmap-pages");
    domain.close();
  }

  @ParameterizedTest // CORE-502, CORE-561
  @CsvSource({"1800,1000,1000", "1000,1800,1000", "1000,1000,800", "1,1,1", "1000,1000,1001"})
  void everythingMustBeAligned(String iova, String paddr, String size) {
    PagingDomain domain = domain();
    IommuException refusal =
        refused(Errno.EINVAL, () -> domain.map(hex(iova), hex(paddr), hex(size), Prot.RW));
    assertThat(refusal)
        .hasMessageContaining("0x" + iova)
        .hasMessageContaining("0x" + paddr)
        .hasMessageContaining("0x" + size);
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(rig.tracer.messages).contains(CoreMessage.UNALIGNED);
    domain.close();
  }

  @Test // CORE-503: progress is what the driver reports, also with an error
  void progressIsWhatTheDriverReports() {
    PagingDomain domain = domain();
    table().mapAnswer = (iova, paddr, size, count) -> MapResult.mapped(Math.min(count, 2));
    domain.map(0x1_0000, 0x5_0000, 5 * K4, Prot.RW);
    assertThat(rig.takeCalls())
        .containsExactly(
            "map D1 0x10000 0x50000 0x1000 x5 prot=3",
            "map D1 0x12000 0x52000 0x1000 x3 prot=3",
            "map D1 0x14000 0x54000 0x1000 x1 prot=3");
    table().mapAnswer = (iova, paddr, size, count) -> MapResult.failed(1, Errno.ENOSPC);
    assertThat(refused(Errno.ENOSPC, () -> domain.map(0x2_0000, K4, 3 * K4, Prot.RW)))
        .hasMessageContaining("0x20000")
        .hasMessageContaining("stopped after 0x1000");
    domain.close();
  }

  @Test // CORE-504, CORE-1002, CORE-1003: exactly what was mapped is unmapped, both are traced
  void aFailedMapIsUndoneExactly() {
    PagingDomain domain = domain();
    domain.map(0x3000, 0x9000, K4, Prot.RW);
    rig.journal.clear();
    refused(Errno.EEXIST, () -> domain.map(0x1000, 0x5000, 4 * K4, Prot.RW));
    assertThat(rig.journal.all())
        .containsExactly(
            "map D1 0x1000 0x5000 0x1000 x4 prot=3",
            "event map 0x1000 0x5000 0x2000",
            "unmap D1 0x1000 0x1000 x2",
            "event unmap 0x1000 0x2000 0x2000");
    assertThat(table().mappedPages()).isEqualTo(1);
    domain.close();
  }

  @Test // CORE-504: the undo may be of size 0
  void aMapThatFailsAtOnceIsUndoneWithSizeZero() {
    PagingDomain domain = domain();
    domain.map(0x1000, 0x9000, K4, Prot.RW);
    rig.journal.clear();
    refused(Errno.EEXIST, () -> domain.map(0x1000, 0x5000, K4, Prot.RW));
    assertThat(rig.journal.all())
        .containsExactly(
            "map D1 0x1000 0x5000 0x1000 x1 prot=3",
            "event map 0x1000 0x5000 0x0",
            "event unmap 0x1000 0x0 0x0");
    domain.close();
  }

  @Test // CORE-505
  void zeroBytes() {
    PagingDomain domain = domain();
    domain.map(0x1000, 0x2000, 0, Prot.RW);
    assertThat(domain.unmap(0x1000, 0)).isZero();
    assertThat(rig.takeCalls()).isEmpty();
    refused(Errno.EINVAL, () -> domain.map(0x1001, 0x2000, 0, Prot.RW));
    domain.close();
  }

  @Test // CORE-510
  void syncIsTheDriversBusiness() {
    PagingDomain without = domain();
    without.syncMap(0x1000, K4);
    assertThat(rig.takeCalls()).isEmpty();
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC_MAP);
    PagingDomain domain = domain();
    domain.mapNosync(0x1000, 0x2000, K4, Prot.RW);
    assertThat(rig.takeCalls()).containsExactly("map D2 0x1000 0x2000 0x1000 x1 prot=3");
    rig.core().syncMap(domain, 0x1000, K4);
    assertThat(rig.takeCalls()).containsExactly("sync_map D2 0x1000 0x1000");
    rig.hooks.fail("sync_map", "D2", Errno.EIO);
    refused(Errno.EIO, () -> domain.syncMap(0x1000, K4));
    assertThat(table().mappedPages()).isEqualTo(1);
    without.close();
    domain.close();
  }

  @Test // CORE-511, CORE-930
  void aFailedSyncUnmapsTheWholeRange() {
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC_MAP);
    PagingDomain domain = domain();
    rig.hooks.fail("sync_map", "D1", Errno.ENOSPC);
    refused(Errno.ENOSPC, () -> domain.map(0x1000, 0x5000, 3 * K4, Prot.RW));
    assertThat(rig.takeCalls())
        .containsExactly(
            "map D1 0x1000 0x5000 0x1000 x3 prot=3",
            "sync_map D1 0x1000 0x3000 = ENOSPC",
            "unmap D1 0x1000 0x1000 x3");
    assertThat(table().mappedPages()).isZero();
    domain.close();
  }

  @Test // CORE-512: overlaps are the driver's error to detect
  void overlapsAreTheDriversBusiness() {
    PagingDomain domain = domain();
    table().mapAnswer = (iova, paddr, size, count) -> MapResult.mapped(count);
    domain.map(0x1000, 0x2000, K4, Prot.RW);
    domain.map(0x1000, 0x3000, K4, Prot.RW);
    assertThat(rig.takeCalls()).hasSize(2);
    domain.close();
  }

  @ParameterizedTest // CORE-513
  @CsvSource({"0", "1", "2", "4", "8", "16", "32", "63", "-1"})
  void protectionPassesThroughUnchecked(int prot) {
    PagingDomain domain = domain();
    domain.map(0x1000, 0x2000, K4, prot);
    assertThat(rig.takeCalls()).containsExactly("map D1 0x1000 0x2000 0x1000 x1 prot=" + prot);
    domain.close();
  }

  @Test // CORE-513
  void protectionBits() {
    assertThat(List.of(Prot.READ, Prot.WRITE, Prot.CACHE, Prot.NOEXEC, Prot.MMIO, Prot.PRIV))
        .containsExactly(1, 2, 4, 8, 16, 32);
    assertThat(Prot.RW).isEqualTo(3);
  }

  @Test // CORE-512, CORE-507: the last page of the address space is an ordinary page
  void theTopOfTheAddressSpace() {
    PagingDomain domain = domain(ALL_SIZES);
    domain.map(-0x20_0000L, 0, 0x20_0000, Prot.RW);
    assertThat(rig.takeCalls()).containsExactly("map D1 0xffffffffffe00000 0x0 0x200000 x1 prot=3");
    assertThat(domain.iovaToPhys(-1L)).isEqualTo(0x1f_ffff);
    assertThat(domain.unmap(-0x20_0000L, 0x20_0000)).isEqualTo(0x20_0000);
    domain.close();
  }

  @Test // CORE-512: a range that wraps is handed on page by page; the driver decides
  void aWrappingRangeIsTheDriversBusiness() {
    PagingDomain domain = domain();
    domain.map(-K4, 0x8000, 2 * K4, Prot.RW);
    assertThat(rig.takeCalls())
        .containsExactly("map D1 0xfffffffffffff000 0x8000 0x1000 x2 prot=3");
    domain.close();
  }

  // ---- scatter-gather ----

  @Test // CORE-520, CORE-522
  void adjacentSegmentsAreMerged() {
    PagingDomain domain = domain();
    long mapped =
        domain.mapSg(
            0x10000,
            List.of(SgSegment.of(0x1000, K4), SgSegment.of(0x2000, K4), SgSegment.of(0x8000, K4)),
            Prot.RW);
    assertThat(mapped).isEqualTo(0x3000);
    assertThat(rig.takeCalls())
        .containsExactly(
            "map D1 0x10000 0x1000 0x1000 x2 prot=3", "map D1 0x12000 0x8000 0x1000 x1 prot=3");
    domain.close();
  }

  @Test // CORE-520, CORE-522
  void busSegmentsAreSkippedAndEndARun() {
    PagingDomain domain = domain();
    long mapped =
        rig.core()
            .mapSg(
                domain,
                0x10000,
                List.of(
                    SgSegment.of(0x1000, K4), SgSegment.bus(0x5000, K4), SgSegment.of(0x2000, K4)),
                Prot.RW);
    assertThat(mapped).isEqualTo(0x2000);
    assertThat(rig.takeCalls())
        .containsExactly(
            "map D1 0x10000 0x1000 0x1000 x1 prot=3", "map D1 0x11000 0x2000 0x1000 x1 prot=3");
    domain.close();
  }

  @Test // CORE-523: as recorded, the pending run is lost
  void aLastBusSegmentAtTheEndOfTheRunLosesIt() {
    PagingDomain domain = domain();
    assertThat(
            domain.mapSg(
                0x10000, List.of(SgSegment.of(0x1000, K4), SgSegment.bus(0x2000, K4)), Prot.RW))
        .isZero();
    assertThat(rig.takeCalls()).isEmpty();
    refused(Errno.EINVAL, () -> domain.mapSg(0x10000, List.of(), Prot.RW));
    domain.close();
  }

  @Test // CORE-521, CORE-524: one sync for the mapped total
  void oneSyncCoversTheTotal() {
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC_MAP);
    PagingDomain domain = domain();
    domain.mapSg(0x10000, List.of(SgSegment.of(0x1000, K4), SgSegment.of(0x8000, K4)), Prot.RW);
    assertThat(rig.takeCalls())
        .containsExactly(
            "map D1 0x10000 0x1000 0x1000 x1 prot=3",
            "map D1 0x11000 0x8000 0x1000 x1 prot=3",
            "sync_map D1 0x10000 0x2000");
    domain.close();
  }

  @Test // CORE-521: everything mapped so far is unmapped
  void aFailedListIsUndone() {
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC_MAP);
    PagingDomain domain = domain();
    List<SgSegment> list =
        List.of(SgSegment.of(0x1000, K4), SgSegment.of(0x8000, K4), SgSegment.of(0x4000, K4));
    rig.hooks.fail("map", "D1", 2, Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> domain.mapSg(0x10000, list, Prot.RW));
    assertThat(table().mappedPages()).isZero();
    rig.hooks.fail("sync_map", "D1", Errno.EIO);
    refused(Errno.EIO, () -> domain.mapSg(0x10000, list, Prot.RW));
    assertThat(table().mappedPages()).isZero();
    domain.close();
  }

  @Test // CORE-520: a piece that is not aligned
  void anUnalignedPieceUndoesTheList() {
    PagingDomain domain = domain();
    refused(
        Errno.EINVAL,
        () ->
            domain.mapSg(
                0x10000, List.of(SgSegment.of(0x1000, K4), SgSegment.of(0x8800, K4)), Prot.RW));
    assertThat(table().mappedPages()).isZero();
    domain.close();
  }

  // ---- unmapping ----

  @Test // CORE-530
  void unmapSyncsOnce() {
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC);
    PagingDomain domain = domain(ALL_SIZES);
    domain.map(0x1ff000, 0x3ff000, 0x402000, Prot.RW);
    rig.journal.clear();
    table().gathering = Gathering.RANGE;
    assertThat(domain.unmap(0x1ff000, 0x402000)).isEqualTo(0x402000);
    assertThat(rig.takeCalls())
        .containsExactly(
            "unmap D1 0x1ff000 0x1000 x1",
            "unmap D1 0x200000 0x200000 x2",
            "unmap D1 0x600000 0x1000 x1",
            "sync D1 0x1ff000-0x600fff");
    domain.close();
  }

  @Test // CORE-530: the fast form leaves the sync to the caller
  void unmapFastLeavesTheSyncToTheCaller() {
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC);
    PagingDomain domain = domain();
    domain.map(0x1000, 0x5000, 2 * K4, Prot.RW);
    rig.journal.clear();
    IotlbGather gather = new IotlbGather();
    assertThat(rig.core().unmapFast(domain, 0x1000, 2 * K4, gather)).isEqualTo(2 * K4);
    assertThat(rig.journal.starting("sync")).isEmpty();
    rig.core().iotlbSync(domain, gather);
    assertThat(rig.journal.starting("sync")).containsExactly("sync D1 0x1000-0x2fff");
    assertThat(gather.hasRange()).isFalse();
    domain.close();
  }

  @Test // CORE-531, CORE-1024
  void domainsWithoutMappingsUnmapNothing() {
    PagingDomain none = domain(0);
    assertThat(none.unmap(0x1000, K4)).isZero();
    assertThat(rig.takeViolations()).containsExactly("1024 unmap-bad-domain");
    assertThat(rig.core().unmap(rig.blocked(), 0x1000, K4)).isZero();
    assertThat(rig.core().unmapFast(rig.blocked(), 0x1000, K4, new IotlbGather())).isZero();
    assertThat(rig.takeViolations()).isEmpty();
    assertThat(rig.journal.starting("event unmap")).isEmpty();
    none.close();
  }

  @Test // CORE-532
  void misalignedUnmapsYieldNothing() {
    PagingDomain domain = domain();
    domain.map(0x1000, 0x2000, K4, Prot.RW);
    rig.journal.clear();
    assertThat(domain.unmap(0x1800, K4)).isZero();
    assertThat(domain.unmap(0x1000, 0x800)).isZero();
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(rig.tracer.texts)
        .anyMatch(
            text ->
                text.equals("unaligned unmap: iova 0x1800 pa 0x0 size 0x1000 min_pagesz 0x1000"));
    domain.close();
  }

  @Test // CORE-533, CORE-535: short at a hole, long over a bigger page
  void unmapMayBeShortOrLong() {
    PagingDomain domain = domain(ALL_SIZES);
    domain.map(0x1000, 0x2000, K4, Prot.RW);
    assertThat(domain.unmap(0x1000, 3 * K4)).isEqualTo(K4);
    domain.map(0x20_0000, 0x40_0000, 0x20_0000, Prot.RW);
    rig.journal.clear();
    assertThat(domain.unmap(0x20_0000, K4)).isEqualTo(0x20_0000);
    assertThat(rig.journal.starting("event unmap"))
        .containsExactly("event unmap 0x200000 0x1000 0x200000");
    assertThat(table().mappedPages()).isZero();
    domain.close();
  }

  @Test // CORE-534: the full size counts from the step's address
  void aSilentDriverStillGetsASync() {
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC);
    PagingDomain domain = domain(ALL_SIZES);
    domain.map(0x1ff000, 0x3ff000, 0x202000, Prot.RW);
    rig.journal.clear();
    IotlbGather gather = new IotlbGather();
    domain.unmapFast(0x1ff000, 0x202000, gather);
    assertThat(gather.start()).isEqualTo(0x1ff000);
    assertThat(gather.end()).isEqualTo(0x1ff000 + 0x202000 - 1);
    domain.iotlbSync(gather);
    domain.map(0x1000, 0x2000, 2 * K4, Prot.RW);
    table().unmapAnswer = (iova, size, count) -> size;
    domain.unmapFast(0x1000, 2 * K4, gather);
    assertThat(gather.end()).isEqualTo(0x2fff);
    domain.close();
  }

  @Test // CORE-535: several earlier maps may go at once
  void contiguousMapsGoTogether() {
    PagingDomain domain = domain();
    domain.map(0x1000, 0x9000, K4, Prot.RW);
    domain.map(0x2000, 0x5000, K4, Prot.RW);
    assertThat(domain.unmap(0x1000, 2 * K4)).isEqualTo(2 * K4);
    domain.close();
  }

  // ---- the gather ----

  @Test // CORE-540
  void anEmptyGather() {
    IotlbGather gather = new IotlbGather();
    assertThat(gather.start()).isEqualTo(-1L);
    assertThat(gather.end()).isZero();
    assertThat(gather.pageSize()).isZero();
    assertThat(gather.freedCount()).isZero();
    assertThat(gather.queued()).isFalse();
    assertThat(gather.hasRange()).isFalse();
  }

  @Test // CORE-541
  void addingARangeWidensAndNeverSyncs() {
    domain();
    IotlbGather gather = new IotlbGather();
    gather.addRange(0x5000, K4);
    gather.addRange(0x1000, K4);
    gather.addRange(-K4, K4);
    assertThat(gather.start()).isEqualTo(0x1000);
    assertThat(gather.end()).isEqualTo(-1L);
    assertThat(rig.takeCalls()).isEmpty();
  }

  @ParameterizedTest // CORE-542
  @CsvSource({
    "1000,1000,true", // ends below 3000 with a gap
    "2000,1000,false", // touches from below
    "3000,1000,false", // overlaps
    "5000,1000,false", // touches from above
    "6000,1000,true", // begins above with a gap
    "1000,9000,false", // covers
  })
  void disjointMeansNeitherOverlappingNorTouching(String iova, String size, boolean disjoint) {
    IotlbGather gather = new IotlbGather();
    assertThat(gather.isDisjoint(hex(iova), hex(size))).as("empty").isFalse();
    gather.addRange(0x3000, 0x2000);
    assertThat(gather.isDisjoint(hex(iova), hex(size))).isEqualTo(disjoint);
  }

  @Test // CORE-543: the vector
  void pagesSyncWhenTheyDoNotFitIn() {
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC);
    domain();
    IotlbGather gather = new IotlbGather();
    gather.addPage(table(), 0x1000, K4);
    gather.addPage(table(), 0x2000, K4);
    assertThat(gather.start()).isEqualTo(0x1000);
    assertThat(gather.end()).isEqualTo(0x2fff);
    assertThat(rig.takeCalls()).isEmpty();
    gather.addPage(table(), 0x4000, K4);
    assertThat(rig.takeCalls()).containsExactly("sync D1 0x1000-0x2fff");
    assertThat(gather.start()).isEqualTo(0x4000);
    assertThat(gather.end()).isEqualTo(0x4fff);
    gather.addPage(table(), 0x5000, 0x20_0000);
    assertThat(rig.takeCalls()).as("another page size").containsExactly("sync D1 0x4000-0x4fff");
    assertThat(gather.pageSize()).isEqualTo(0x20_0000);
  }

  @Test // CORE-544: driver only if asked for and non-empty; always re-initialised
  void aSyncAlwaysEmptiesTheGather() {
    PagingDomain without = domain();
    IotlbGather gather = new IotlbGather();
    gather.addRange(0x1000, K4);
    gather.free(0x7000);
    gather.queue();
    assertThat(gather.queued()).as("CORE-546").isTrue();
    without.iotlbSync(gather);
    assertThat(rig.takeCalls()).isEmpty();
    assertThat(gather.hasRange()).isFalse();
    assertThat(gather.queued()).isFalse();
    assertThat(gather.freedCount()).isZero();
    rig.driver.domainOperations.add(DomainOp.IOTLB_SYNC);
    PagingDomain domain = domain();
    gather.addRange(0x1000, 1);
    domain.iotlbSync(gather);
    assertThat(rig.takeCalls()).as("a single byte at 0x1000 looks empty").isEmpty();
    gather.addRange(0x1000, 2);
    rig.core().iotlbSync(domain, gather);
    assertThat(rig.takeCalls()).containsExactly("sync D2 0x1000-0x1001");
    gather.addRange(0x1000, 2);
    rig.core().iotlbSync(rig.blocked(), gather);
    assertThat(gather.hasRange()).isFalse();
    without.close();
    domain.close();
  }

  @Test // CORE-545
  void flushAllIsOptional() {
    PagingDomain without = domain();
    without.flushIotlbAll();
    rig.driver.domainOperations.add(DomainOp.FLUSH_IOTLB_ALL);
    PagingDomain domain = domain();
    domain.flushIotlbAll();
    assertThat(rig.takeCalls()).containsExactly("flush_all D2");
    without.close();
    domain.close();
  }

  @Test // CORE-547
  void theFreeListGrowsAndEmptiesWithTheGather() {
    IotlbGather gather = new IotlbGather();
    for (int i = 0; i < 100; i++) {
      gather.free(i * K4);
    }
    assertThat(gather.freedCount()).isEqualTo(100);
    assertThat(gather.freed(99)).isEqualTo(99 * K4);
    gather.init();
    assertThat(gather.freedCount()).isZero();
  }
}
