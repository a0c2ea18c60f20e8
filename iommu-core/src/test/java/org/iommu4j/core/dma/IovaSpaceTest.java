package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.iommu4j.api.DomainGeometry;
import org.junit.jupiter.api.Test;

final class IovaSpaceTest {
  private static final long PAGES = 0x1000 | 0x200000;
  private static final long NO_LIMIT = Long.MAX_VALUE;
  private static final int SMALL = 96;

  private static IovaSpace small() {
    return new IovaSpace(PAGES, new DomainGeometry(0, SMALL * 0x1000L - 1, true));
  }

  @Test // IOVA-012: top-down
  void handsOutFromTheTop() {
    IovaSpace space = new IovaSpace(PAGES, DomainGeometry.ofBits(32));
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(0xfffff);
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(0xffffe);
  }

  @Test // IOVA-011, DMA-031: aligned to the size rounded up, but no longer than asked for
  void alignsToTheRoundedSize() {
    IovaSpace space = small();
    long before = space.freePages();
    assertThat(space.allocate(33, NO_LIMIT)).isZero();
    assertThat(space.allocate(17, NO_LIMIT)).isEqualTo(64);
    assertThat(space.allocate(3, NO_LIMIT)).isEqualTo(92);
    assertThat(before - space.freePages()).isEqualTo(20);
  }

  @Test // CORE-180, IOVA-003: page 0 is never handed out
  void startsAtTheSecondPage() {
    IovaSpace space = new IovaSpace(PAGES, new DomainGeometry(0, 0x2fff, true));
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(2);
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(1);
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(IovaSpace.NONE);
  }

  @Test // CORE-180, DMA-024: aperture, rounded inwards
  void staysInsideTheAperture() {
    IovaSpace space = new IovaSpace(PAGES, new DomainGeometry(0x5800, 0x87ff, true));
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(7);
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(6);
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(IovaSpace.NONE);
  }

  @Test // DMA-024: an aperture that is not forced caps nothing; devices do
  void ignoresAnApertureEndThatIsNotForced() {
    IovaSpace space = new IovaSpace(PAGES, new DomainGeometry(0, 0xffff, false));
    assertThat(space.allocate(1, NO_LIMIT)).isEqualTo(0xf_ffff_ffffL);
    IovaSpace full = new IovaSpace(PAGES, DomainGeometry.FULL);
    assertThat(full.allocate(1, NO_LIMIT)).isEqualTo(0xf_ffff_ffffL);
  }

  @Test // DMA-008
  void isEmptyWithoutUsableAddresses() {
    assertThat(new IovaSpace(PAGES, new DomainGeometry(1L << 48, -1L, true)).isEmpty()).isTrue();
    assertThat(new IovaSpace(PAGES, new DomainGeometry(-0x1000L, -1L, true)).isEmpty()).isTrue();
    assertThat(new IovaSpace(PAGES, new DomainGeometry(0, 0xfff, true)).isEmpty()).isTrue();
    assertThat(new IovaSpace(0, DomainGeometry.FULL).isEmpty()).isTrue();
    assertThat(new IovaSpace(1L << 52, DomainGeometry.FULL).isEmpty()).isTrue();
    assertThat(new IovaSpace(0, DomainGeometry.FULL).allocate(1, NO_LIMIT)).isZero();
  }

  @Test // DMA-029: the limit is inclusive
  void honoursTheLimitOfARequest() {
    IovaSpace space = new IovaSpace(PAGES, DomainGeometry.FULL);
    assertThat(space.allocate(2, 0xffff_ffffL)).isEqualTo(0xffffe);
    assertThat(space.allocate(1, 0x1fff)).isEqualTo(1);
    assertThat(space.allocate(1, 0x1fff)).isEqualTo(IovaSpace.NONE);
    assertThat(space.allocate(-1, NO_LIMIT)).isEqualTo(IovaSpace.NONE);
  }

  @Test // DMA-015, IOVA-026: reservations may overlap, touch and lie outside
  void reservesWhateverIsFree() {
    IovaSpace space = small();
    space.reserve(0x3f000, 0x40000);
    space.reserve(0x3e800, 0x3f7ff);
    space.reserve(0x5f000, -1L);
    space.reserve(1L << 60, 1L << 61);
    assertThat(space.freePages()).isEqualTo(SMALL - 1 - 4);
    space.reserve(0x50000, 0x1000);
    assertThat(space.freePages()).isEqualTo(0x50 - 1 - 3);
    space.reserve(0, -1L);
    assertThat(space.freePages()).isZero();
  }

  @Test
  void refusesToFreeWhatIsFree() {
    IovaSpace space = small();
    long page = space.allocate(4, NO_LIMIT);
    space.free(page, 4);
    assertThatThrownBy(() -> space.free(page + 3, 1)).isInstanceOf(IllegalStateException.class);
  }

  private record Range(long page, int pages) {}

  // IOVA-019, 049, FQ-024: against a model with one bit per page
  @Property(seed = "20230217")
  void agreesWithABitMap(
      @ForAll @Size(max = 200) List<@IntRange(min = 0, max = 9999) Integer> steps) {
    IovaSpace space = small();
    BitSet used = new BitSet(SMALL);
    used.set(0);
    List<Range> live = new ArrayList<>();
    for (int step : steps) {
      int pages = 1 + step / 10 % 20;
      int pick = step / 200;
      switch (step % 10) {
        case 0 -> {
          space.reserve(pick * 0x1000L, (pick + pages - 1) * 0x1000L);
          used.set(pick, Math.min(pick + pages, SMALL));
          // Reserved pages never come back; those that were live do when they are freed.
        }
        case 1, 2, 3, 4 -> {
          if (!live.isEmpty()) {
            Range range = live.remove(pick % live.size());
            space.free(range.page(), range.pages());
            used.clear((int) range.page(), (int) range.page() + range.pages());
          }
        }
        default -> {
          long limit = pick * 0x1000L * 2;
          long page = space.allocate(pages, limit);
          assertThat(page).isEqualTo(expected(used, pages, limit));
          if (page != IovaSpace.NONE) {
            used.set((int) page, (int) page + pages);
            live.add(new Range(page, pages));
          }
        }
      }
      assertThat(space.freePages()).isEqualTo(SMALL - used.cardinality());
    }
  }

  /** The highest aligned place, page by page. */
  private static long expected(BitSet used, int pages, long limit) {
    int alignment = Integer.highestOneBit(2 * pages - 1);
    long last = Math.min(SMALL - 1, limit / 0x1000);
    for (int page = SMALL - 1; page > 0; page--) {
      int clash = used.nextSetBit(page);
      boolean free = clash < 0 || clash >= page + pages;
      if (page % alignment == 0 && page + pages - 1 <= last && free) {
        return page;
      }
    }
    return IovaSpace.NONE;
  }
}
