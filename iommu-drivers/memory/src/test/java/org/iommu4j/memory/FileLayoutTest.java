package org.iommu4j.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FileLayoutTest {
  private static final long GIB = 1L << 30;

  @Test
  void rangesFollowEachOtherInTheFileAndAreSortedByAddress() {
    FileLayout layout =
        FileLayout.builder().range(4 * GIB, GIB).range(0, 2 * GIB).range(-0x1000, 0x1000).build();
    assertThat(layout.ranges())
        .containsExactly(
            new FileLayout.Range(0, 2 * GIB, GIB),
            new FileLayout.Range(4 * GIB, GIB, 0),
            new FileLayout.Range(-0x1000, 0x1000, 3 * GIB));
    assertThat(layout.fileSize()).isEqualTo(3 * GIB + 0x1000);
    assertThat(layout)
        .hasToString("0x0+0x80000000, 0x100000000+0x40000000, 0xfffffffffffff000+0x1000");
    assertThat(layout.newAllocator().allocate(1)).isEqualTo(-0x1000);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 0",
    "0, -4096, 0",
    "0, 4097, 0",
    "8, 4096, 0",
    "0, 4096, 8",
    "0, 4096, -4096",
    "-4096, 8192, 0",
    "0, 8192, 0x7ffffffffffff000"
  })
  void rangesConsistOfPages(String base, String bytes, String offset) {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                FileLayout.builder()
                    .range(Long.decode(base), Long.decode(bytes), Long.decode(offset)));
  }

  @Test
  void nothingIsTwiceInALayout() {
    FileLayout.Builder builder = FileLayout.builder().range(0x4000, 0x4000, 0x4000);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.range(0x7000, 0x1000, 0))
        .withMessage("0x7000+0x1000 at 0x0 of the file overlaps 0x4000+0x4000 at 0x4000");
    assertThatIllegalArgumentException().isThrownBy(() -> builder.range(0, 0x8000, 0x8000));
    assertThatIllegalArgumentException().isThrownBy(() -> builder.range(0x8000, 0x2000, 0x3000));
    builder.range(0x8000, 0x1000).range(0x3000, 0x1000, 0);
    assertThat(builder.build().ranges()).hasSize(3);
    assertThat(builder.build().fileSize()).isEqualTo(0x9000);
  }

  @Test
  void layoutsAreComplete() {
    assertThatIllegalArgumentException().isThrownBy(() -> FileLayout.builder().build());
    assertThatIllegalArgumentException().isThrownBy(() -> FileLayout.builder().pageLimit(-1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FileLayout.builder().tables(0x1000, 0x1001));
    FileLayout.Builder builder = FileLayout.builder().range(0x1000, 0x1000).range(0x2000, 0x1000);
    assertThatIllegalArgumentException().isThrownBy(builder.tables(0x1000, 0x2000)::build);
    assertThat(builder.tables(0x2000, 0x1000).build().newAllocator().allocate(1)).isEqualTo(0x2000);
  }

  /** A page number has 31 bits, an address more. */
  @Test
  void aPageFarBelowIsNotMistakenForTheOneThatIsLent() {
    var pages = new PageAllocator(0, 1L << 46, Long.MAX_VALUE);
    long top = pages.allocate(1);
    assertThat(top).isEqualTo((1L << 46) - 0x1000);
    assertThatThrownBy(() -> pages.free(top - (1L << 44), 1)).hasMessageStartingWith("EINVAL");
    pages.free(top, 1);
    assertThat(pages.allocated()).isZero();
  }

  @Test
  void allocatorsCheckTheirNumbers() {
    assertThatIllegalArgumentException().isThrownBy(() -> new PageAllocator(8, 0x1000, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> new PageAllocator(0, 0x1000, -1));
    assertThatIllegalArgumentException().isThrownBy(() -> new PageAllocator(-0x1000, 0x2000, 1));
  }
}
