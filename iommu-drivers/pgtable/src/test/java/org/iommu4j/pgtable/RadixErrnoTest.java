package org.iommu4j.pgtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.MapResult;
import org.junit.jupiter.api.Test;

class RadixErrnoTest {
  private final HeapMemory memory = HeapMemory.ofSize(1 << 20);
  private final RadixPageTable table = table(VtdSecondStage.of(PageTableConfig.of(39, 46, 2)));

  private RadixPageTable table(PageTableFormat format) {
    return new RadixPageTable(format, memory, gather -> {});
  }

  private static void assertFailure(long result, Errno errno, long pages) {
    assertThat(MapResult.isFailure(result)).isTrue();
    assertThat(MapResult.errno(result)).isEqualTo(errno);
    assertThat(MapResult.pages(result)).isEqualTo(pages);
  }

  // PTG-009: each error, with all the later ones present as well
  @Test
  void errorsComeInOrder() {
    long wraps = -0x800L;
    assertFailure(table.map(wraps, 1L << 46, 0, 0), Errno.EINVAL, 0);
    assertFailure(table.map(wraps, 1L << 46, 0, Prot.RW), Errno.ERANGE, 0);
    assertFailure(table.map(wraps, 0x800, 0, Prot.RW), Errno.EINVAL, 0);
    assertFailure(table.map(wraps, 0x800, 0x1800, Prot.RW), Errno.EOVERFLOW, 0);
    assertFailure(table.map(1L << 39, 0x800, 0x1000, Prot.RW), Errno.ENXIO, 0);
    assertFailure(table.map(1L << 39, 0x1000, 0x1000, Prot.RW), Errno.ERANGE, 0);
    assertFailure(table.map((1L << 39) - 0x1000, 0x1000, 0x2000, Prot.RW), Errno.ERANGE, 0);
  }

  // PTV-005, PTR-004
  @Test
  void aProtectionTheFormatLacksComesAfterTheOutputRange() {
    var writable =
        VtdSecondStage.of(PageTableConfig.of(39, 46, 2, PageTableFeature.FORCE_WRITEABLE));
    RadixPageTable other = table(writable);
    assertFailure(other.map(0, 1L << 46, 0, Prot.READ), Errno.ERANGE, 0);
    assertFailure(other.map(0, 0x1000, 0, Prot.READ), Errno.EINVAL, 0);
    assertThat(MapResult.isFailure(other.map(0, 0x1000, 0x1000, Prot.WRITE))).isFalse();
  }

  // PTG-010
  @Test
  void onlyTheStartOfTheOutputIsChecked() {
    long result = table.map(0, (1L << 46) - 0x1000, 0x2000, Prot.RW);
    assertThat(MapResult.isFailure(result)).isFalse();
  }

  @Test
  void lengthsThatAreNoMultipleOfThePageAreRefused() {
    assertFailure(table.map(0, 0, 0x1800, Prot.RW), Errno.ENXIO, 0);
    assertFailure(table.map(0, 0, 0x800, Prot.RW), Errno.ENXIO, 0);
  }

  // PTG-008, PTG-006
  @Test
  void hiddenPageSizesAreNotUsed() {
    table.restrictPageSizes(1L << 21);
    assertFailure(table.map(0x1000, 0x1000, 0x2000, Prot.RW), Errno.ENXIO, 0);
    assertFailure(table.map(0, 0, 0x20_2000, Prot.RW), Errno.ENXIO, 512);
  }

  // PTG-011, PTG-012
  @Test
  void whatIsMappedIsNeverOverwritten() {
    table.map(0x3000, 0x9000, 0x1000, Prot.RW);
    assertFailure(table.map(0x1000, 0x1000, 0x4000, Prot.RW), Errno.EADDRINUSE, 2);
    assertThat(table.translate(0x3000)).isEqualTo(0x9000);
    assertFailure(table.map(0, 0, 0x20_0000, Prot.RW), Errno.EADDRINUSE, 0);
  }

  // PTG-024
  @Test
  void signExtendedRangesLieInOneHalfAtTheirStart() {
    RadixPageTable other =
        table(X86FirstStage.of(PageTableConfig.of(48, 52, 3, PageTableFeature.SIGN_EXTEND)));
    long end = 1L << 47;
    assertFailure(other.map(end, 0, 0x1000, Prot.RW), Errno.ERANGE, 0);
    assertFailure(other.map(-end - 0x1000, 0, 0x1000, Prot.RW), Errno.ERANGE, 0);
    assertThat(other.map(end - 0x1000, 0x5000, 0x2000, Prot.RW)).isEqualTo(MapResult.mapped(2));
    assertThat(other.translate(-end)).as("it lands in the upper half").isEqualTo(0x6000);
    assertThat(other.aperture().apertureEnd()).isEqualTo(end - 1);
  }

  // PTG-018, PTG-020
  @Test
  void aLeafThatTheRangeCutsAtItsEndGoesWholeAndOneCutAtItsStartStays() {
    table.map(0x20_0000, 0x20_0000, 0x40_0000, Prot.RW);
    var gather = new IotlbGather();
    assertThat(table.unmap(0x20_1000, 0x1000, gather)).isZero();
    assertThat(table.unmap(0x20_0000, 0x20_1000, gather)).isEqualTo(0x40_0000);
  }

  // PTG-021
  @Test
  void aQueuedGatherGetsTablesAndNoRange() {
    table.restrictPageSizes(0x1000);
    table.map(0x20_0000, 0, 0x20_0000, Prot.RW);
    var gather = new IotlbGather();
    gather.queue();
    table.unmap(0x20_0000, 0x20_0000, gather);
    assertThat(gather.hasRange()).isFalse();
    assertThat(gather.freedCount()).isEqualTo(1);
  }

  // PTG-026
  @Test
  void configurationsThatNoHardwareHasAreRefused() {
    refused(Errno.EINVAL, 0, 52, 3, Set.of());
    refused(Errno.EINVAL, 58, 52, 4, Set.of());
    refused(Errno.EINVAL, 48, 53, 3, Set.of());
    refused(Errno.EOPNOTSUPP, 48, 52, 2, Set.of());
    refused(Errno.EOPNOTSUPP, 48, 52, 1, Set.of());
    refused(Errno.EOPNOTSUPP, 48, 52, 3, Set.of(PageTableFeature.SIGN_EXTEND));
  }

  private static void refused(
      Errno errno, int input, int output, int top, Set<PageTableFeature> features) {
    var config = new PageTableConfig(input, output, top, features, false);
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(() -> VtdSecondStage.of(config))
        .extracting(IommuException::errno)
        .isEqualTo(errno);
  }

  // PTR-006
  @Test
  void memoryTypesExistOnlyInDebugConfigurations() {
    Set<PageTableFeature> features = Set.of(PageTableFeature.SVPBMT);
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(() -> RiscvSv.of(new PageTableConfig(39, 56, 0, features, false)))
        .extracting(IommuException::errno)
        .isEqualTo(Errno.EOPNOTSUPP);
    RiscvSv debug = RiscvSv.of(new PageTableConfig(39, 56, 0, features, true));
    assertThat(debug.attributes(Prot.RW) >>> 61).as("NC").isEqualTo(1);
    assertThat(debug.attributes(Prot.RW | Prot.MMIO) >>> 61).as("IO").isEqualTo(2);
    assertThat(debug.attributes(Prot.RW | Prot.CACHE) >>> 61).isZero();
  }
}
