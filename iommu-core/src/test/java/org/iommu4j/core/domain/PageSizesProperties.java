package org.iommu4j.core.domain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

/** The choice of page size and count against a slow model with unbounded numbers. */
final class PageSizesProperties {

  /** A range that is aligned to the smallest of some sizes. */
  record Range(long sizes, long iova, long paddr, long size) {}

  @Provide
  Arbitrary<Range> ranges() {
    Arbitrary<Long> sizes =
        Arbitraries.of(12, 13, 14, 16, 21, 22, 25, 30, 39, 48)
            .set()
            .ofMinSize(1)
            .ofMaxSize(5)
            .map(bits -> bits.stream().mapToLong(bit -> 1L << bit).reduce(0, (a, b) -> a | b));
    Arbitrary<Long> address =
        Combinators.combine(Arbitraries.longs(), Arbitraries.integers().between(0, 48))
            .as((value, shift) -> value << shift);
    Arbitrary<Long> length =
        Combinators.combine(
                Arbitraries.longs().between(1, 1L << 12), Arbitraries.integers().between(0, 40))
            .as((value, shift) -> value << shift);
    return Combinators.combine(sizes, address, address, length)
        .as(
            (set, iova, paddr, size) -> {
              long mask = -Long.lowestOneBit(set);
              long aligned = size & mask;
              return new Range(
                  set, iova & mask, paddr & mask, aligned == 0 ? Long.lowestOneBit(set) : aligned);
            });
  }

  // CORE-506: the largest supported size that is not larger than the rest and divides both
  @Property
  void theLargestSizeThatFits(@ForAll("ranges") Range range) {
    long chosen = PageSizes.largest(range.sizes(), range.iova(), range.paddr(), range.size());
    long best = 0;
    for (long size : each(range.sizes())) {
      if (fits(range, size)) {
        best = size;
      }
    }
    assertThat(chosen).isEqualTo(best);
  }

  private static List<Long> each(long sizes) {
    List<Long> list = new ArrayList<>();
    for (long rest = sizes; rest != 0; rest &= rest - 1) {
      list.add(Long.lowestOneBit(rest));
    }
    return list;
  }

  private static boolean fits(Range range, long size) {
    return Long.compareUnsigned(size, range.size()) <= 0
        && Long.remainderUnsigned(range.iova(), size) == 0
        && Long.remainderUnsigned(range.paddr(), size) == 0;
  }

  // CORE-507: all that remain, or up to the boundary at which a larger page can be used
  @Property
  void theCountStopsWhereALargerPageBegins(@ForAll("ranges") Range range) {
    long size = PageSizes.largest(range.sizes(), range.iova(), range.paddr(), range.size());
    long count = PageSizes.count(range.sizes(), size, range.iova(), range.paddr(), range.size());
    assertThat(count).isPositive();
    BigInteger bytes = unsigned(size).multiply(unsigned(count));
    assertThat(bytes).isEqualTo(expectedBytes(range, size));
  }

  private static BigInteger expectedBytes(Range range, long size) {
    BigInteger rest = unsigned(range.size());
    BigInteger all = rest.divide(unsigned(size)).multiply(unsigned(size));
    for (long larger : each(range.sizes())) {
      if (Long.compareUnsigned(larger, size) <= 0) {
        continue;
      }
      boolean sameOffset =
          Long.remainderUnsigned(range.iova(), larger)
              == Long.remainderUnsigned(range.paddr(), larger);
      if (!sameOffset) {
        return all;
      }
      BigInteger offset = unsigned(Long.remainderUnsigned(range.iova(), larger));
      BigInteger toBoundary = unsigned(larger).subtract(offset);
      boolean reached = rest.compareTo(toBoundary.add(unsigned(larger))) >= 0;
      return reached ? toBoundary : all;
    }
    return all;
  }

  private static BigInteger unsigned(long value) {
    return new BigInteger(Long.toUnsignedString(value));
  }

  // CORE-503, CORE-508: the steps cover the range exactly, without gap or overlap
  @Property
  void theStepsCoverTheRange(@ForAll("ranges") Range range) {
    long done = 0;
    for (int steps = 0; done != range.size(); steps++) {
      long iova = range.iova() + done;
      long paddr = range.paddr() + done;
      long rest = range.size() - done;
      long size = PageSizes.largest(range.sizes(), iova, paddr, rest);
      long count = PageSizes.count(range.sizes(), size, iova, paddr, rest);
      assertThat(iova & (size - 1)).isZero();
      assertThat(paddr & (size - 1)).isZero();
      assertThat(Long.compareUnsigned(size * count, rest)).isNotPositive();
      done += size * count;
      // Up and down the sizes: never more than two steps per size, and one in the middle.
      assertThat(steps).isLessThanOrEqualTo(2 * each(range.sizes()).size());
    }
  }

  @Test // CORE-506, CORE-1026: what CORE-502 prevents is fatal
  void noSizeFitsIsFatal() {
    assertThatIllegalStateException()
        .isThrownBy(() -> PageSizes.largest(0x20_0000, 0x1000, 0, 0x1000))
        .withMessageContaining("0x200000")
        .withMessageContaining("CORE-1026");
  }
}
