package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.driver.soft.Refusals.assertMapped;

import java.util.BitSet;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.pgtable.RadixPageTable;
import org.junit.jupiter.api.Test;

/** Word for word what HARDWARE.md, section 5, says. */
class SoftFormatTest {
  private static final long K4 = 0x1000;
  private static final long M2 = 0x20_0000;
  private static final long G1 = 0x4000_0000;
  private static final long LIMIT = 1L << 48;
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;

  private final HeapMemory memory = HeapMemory.ofSize(1L << 32);
  private final RadixPageTable table = table(false);

  private RadixPageTable table(boolean tracksDirty) {
    return new RadixPageTable(new SoftFormat(tracksDirty), memory, gather -> {});
  }

  private long word(long page, int index) {
    return memory.read(page + 8L * index);
  }

  private static long next(long entry) {
    return entry & ADDRESS;
  }

  @Test
  void aSmallPageTakesAWordInEachLevel() {
    // Indices 1, 2, 3, 4.
    long iova = 1L << 39 | 2L << 30 | 3L << 21 | 4L << 12;
    assertMapped(1, table.map(iova, 0x7_5000, K4, Prot.RW));

    long level3 = word(table.root(), 1);
    assertThat(level3).isEqualTo(next(level3) | 1);
    long level2 = word(next(level3), 2);
    assertThat(level2).isEqualTo(next(level2) | 1);
    long level1 = word(next(level2), 3);
    assertThat(level1).isEqualTo(next(level1) | 1);
    assertThat(word(next(level1), 4)).isEqualTo(0x7_501fL);
    assertThat(memory.allocatedPages()).isEqualTo(4);
    assertThat(table.translate(iova | 0xabc)).isEqualTo(0x7_5abc);
  }

  @Test
  void largePagesAreLeavesOfHigherLevels() {
    assertMapped(512, table.map(M2, 4 * M2, M2, Prot.READ));
    assertMapped(512 * 512, table.map(G1, 3 * G1, G1, Prot.WRITE));

    long level2 = next(word(table.root(), 0));
    assertThat(word(next(word(level2, 0)), 1)).isEqualTo(4 * M2 | 0x1b);
    assertThat(word(level2, 1)).isEqualTo(3 * G1 | 0x1d);
    assertThat(table.translate(M2 + 0x12345)).isEqualTo(4 * M2 + 0x12345);
    assertThat(table.translate(2 * G1 - 1)).isEqualTo(4 * G1 - 1);
    assertThat(table.translate(2 * G1)).isZero();
  }

  @Test
  void noLeafIsLargerThanALevel2Entry() {
    assertThat(table.pageSizes()).isEqualTo(K4 | M2 | G1);
    assertMapped(1L << 27, table.map(0, 0, 1L << 39, Prot.RW));

    long level2 = next(word(table.root(), 0));
    assertThat(word(table.root(), 0)).isEqualTo(level2 | 1);
    assertThat(word(level2, 511)).isEqualTo(511 * G1 | 0x1f);
    assertThat(memory.allocatedPages()).isEqualTo(2);
  }

  @Test
  void bothAddressesMayUseAllTheirBits() {
    assertMapped(1, table.map(LIMIT - K4, LIMIT - K4, K4, Prot.READ));

    long entry = table.root() | 1;
    for (int level = 3; level >= 0; level--) {
      entry = word(next(entry), 511);
    }
    assertThat(entry).isEqualTo(LIMIT - K4 | 0x1b);
    assertThat(table.translate(LIMIT - 1)).isEqualTo(LIMIT - 1);
    assertThat(table.aperture().apertureEnd()).isEqualTo(LIMIT - 1);
  }

  @Test
  void onlyTablesForDirtyTrackingLeaveTheMarkToTheHardware() {
    RadixPageTable tracking = table(true);
    tracking.map(0, K4, K4, Prot.RW);

    long level0 = next(word(next(word(next(word(tracking.root(), 0)), 0)), 0));
    assertThat(word(level0, 0)).isEqualTo(0x100fL);
  }

  @Test
  void theMarkOfTheHardwareIsFoundAndTakenAway() {
    RadixPageTable tracking = table(true);
    tracking.map(0, 0x10_0000, 4 * K4, Prot.RW);
    tracking.map(M2, 0x800_0000, M2, Prot.RW);
    long level1 = next(word(next(word(tracking.root(), 0)), 0));
    long level0 = next(word(level1, 0));
    memory.write(level0 + 8, memory.read(level0 + 8) | 0x10);
    memory.write(level1 + 8, memory.read(level1 + 8) | 0x10);

    BitSet found = new BitSet();
    tracking.readAndClearDirty(0, LIMIT, false, new DirtyBitmap(0, 12, found, null));

    assertThat(found.get(1)).isTrue();
    assertThat(found.get(512, 1024).cardinality()).isEqualTo(512);
    assertThat(found.cardinality()).isEqualTo(513);
    assertThat(word(level0, 1)).isEqualTo(0x10_100fL);
    assertThat(word(level1, 1)).isEqualTo(0x800_000fL);
  }

  @Test
  void emptyingATablePageByPageDoesNotBlockALargePage() {
    var gather = new IotlbGather();
    table.map(0, K4, 2 * K4, Prot.RW);
    assertThat(table.unmap(0, K4, gather)).isEqualTo(K4);
    assertThat(table.unmap(K4, K4, gather)).isEqualTo(K4);
    assertMapped(512, table.map(0, 0x800_0000, M2, Prot.RW));
  }
}
