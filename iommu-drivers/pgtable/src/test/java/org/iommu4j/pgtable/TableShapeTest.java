package org.iommu4j.pgtable;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.iommu4j.api.Errno;
import org.iommu4j.api.Prot;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The numbers say what the format says, for every level, size and protection. */
class TableShapeTest {
  static Stream<PageTableFormat> formats() {
    return Stream.of(
        AmdV1.of(PageTableConfig.of(64, 52, 2, PageTableFeature.DYNAMIC_TOP)),
        AmdV1.of(PageTableConfig.of(64, 52, 5, PageTableFeature.FORCE_COHERENCE)),
        VtdSecondStage.of(PageTableConfig.of(57, 52, 4)),
        VtdSecondStage.of(PageTableConfig.of(48, 52, 3, PageTableFeature.FORCE_WRITEABLE)),
        VtdSecondStage.of(PageTableConfig.of(39, 46, 2, PageTableFeature.DMA_INCOHERENT)),
        X86FirstStage.of(PageTableConfig.of(57, 52, 4, PageTableFeature.SIGN_EXTEND)),
        X86FirstStage.of(PageTableConfig.of(47, 52, 3)),
        RiscvSv.of(PageTableConfig.of(39, 56, 0, PageTableFeature.SVNAPOT_64K)),
        RiscvSv.of(PageTableConfig.of(57, 56, 0, PageTableFeature.SIGN_EXTEND)));
  }

  // PTG-003, PTG-004, PTG-005
  @ParameterizedTest
  @MethodSource("formats")
  void leaves(PageTableFormat format) {
    var shape = new TableShape(format);
    var random = new SplittableRandom(Long.getLong("iommu4j.seed", 1));
    for (int level = 0; level <= format.maxTopLevel(); level++) {
      for (long left = format.leafSizes(level); left != 0; left &= left - 1) {
        int sizeLg2 = Long.numberOfTrailingZeros(left);
        assertThat(shape.levelOf(sizeLg2)).isEqualTo(level);
        for (int prot = 1; prot < 64; prot++) {
          if ((prot & Prot.RW) == 0 || format.refuses(prot) != null) {
            continue;
          }
          long paddr = random.nextLong() & ((1L << 52) - 1) & -(1L << sizeLg2);
          long leaf = format.leaf(paddr, level, sizeLg2, format.attributes(prot));
          assertThat(shape.leaf(paddr, sizeLg2, shape.attributes(prot))).isEqualTo(leaf);
          assertThat(shape.isLeaf(leaf, level)).isTrue();
          assertThat(shape.leafLg2(leaf, level)).isEqualTo(sizeLg2);
          long offset = random.nextLong() & ((1L << sizeLg2) - 1);
          long iova = (random.nextLong() & -(1L << sizeLg2)) | offset;
          assertThat(shape.translate(leaf, level, iova)).isEqualTo(paddr | offset);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void tables(PageTableFormat format) {
    var shape = new TableShape(format);
    for (int level = 1; level <= format.maxTopLevel(); level++) {
      long entry = format.table(0x12_3456_7000L, level);
      assertThat(shape.isTable(entry, level)).isTrue();
      assertThat(shape.address(entry)).isEqualTo(0x12_3456_7000L);
      assertThat(shape.isTable(0, level)).isFalse();
    }
    assertThat(shape.isTable(format.table(0x1000, 1), 0)).isFalse();
  }

  // PTG-009: what is refused, and that nothing refused looks simple
  @ParameterizedTest
  @MethodSource("formats")
  void protections(PageTableFormat format) {
    var shape = new TableShape(format);
    boolean incoherent = format.config().has(PageTableFeature.DMA_INCOHERENT);
    for (int prot = 0; prot < 64; prot++) {
      Errno refusal = format.refuses(prot);
      assertThat(shape.refuses(prot)).isEqualTo(refusal);
      boolean simple = !incoherent && refusal == null && (prot & Prot.RW) != 0;
      assertThat(shape.simpleAttributes(prot)).isEqualTo(simple ? format.attributes(prot) : 0);
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void whatIsSurelyInsideIsReached(PageTableFormat format) {
    var shape = new TableShape(format);
    PageTableConfig config = format.config();
    int top = format.topLevel();
    int reach = format.itemLg2(top) + format.indexBits(top);
    boolean half = config.has(PageTableFeature.SIGN_EXTEND);
    int width = half ? config.inputBits() - 1 : config.inputBits();
    assertThat(~shape.perhapsOutside).isEqualTo(TableShape.below(Math.min(width, reach)));
  }
}
