package org.iommu4j.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Operations on runs do what a loop over single words does; small and large memories alike. */
class HeapMemoryBulkTest {
  private static final long BASE = 0x8000_0000L;
  private static final int WORDS = 3 * 512;

  /** One operation on a run; all numbers are taken modulo what fits. */
  record Step(int kind, int from, int count, long value, int shift) {}

  @Property
  void runsAreLoops(
      @ForAll @Size(max = 30) List<@IntRange(max = WORDS - 1) Integer> places,
      @ForAll @IntRange(max = 1100) int count,
      @ForAll @LongRange(min = -5, max = 1L << 40) long value,
      @ForAll @IntRange(max = 63) int shift,
      @ForAll boolean large) {
    HeapMemory memory = HeapMemory.builder().base(BASE).size(large ? 1L << 31 : 1L << 20).build();
    long[] model = new long[WORDS];
    int kind = shift;
    for (int from : places) {
      var step = new Step(kind++ % 3, from, Math.min(count, WORDS - from), value + from, shift);
      apply(memory, step);
      apply(model, step);
      check(memory, model, from, step.count());
    }
    check(memory, model, 0, WORDS);
  }

  private static long at(int word) {
    return BASE + word * 8L;
  }

  private static void apply(HeapMemory memory, Step step) {
    switch (step.kind()) {
      case 0 -> memory.fill(at(step.from()), step.count(), step.value());
      case 1 -> memory.fillRising(at(step.from()), step.count(), step.value(), step.shift());
      default -> memory.clear(at(step.from()), step.count());
    }
  }

  private static void apply(long[] model, Step step) {
    for (int i = 0; i < step.count(); i++) {
      model[step.from() + i] =
          switch (step.kind()) {
            case 0 -> step.value();
            case 1 -> step.value() + ((long) i << step.shift());
            default -> 0;
          };
    }
  }

  private static void check(HeapMemory memory, long[] model, int from, int count) {
    int zeroes = 0;
    int marked = 0;
    while (zeroes < count && model[from + zeroes] == 0) {
      zeroes++;
    }
    while (marked < count && (model[from + marked] & 6) != 0) {
      marked++;
    }
    assertThat(memory.leadingZeroes(at(from), count)).isEqualTo(zeroes);
    assertThat(memory.leadingMarked(at(from), count, 6)).isEqualTo(marked);
    for (int i = from; i < from + count; i++) {
      assertThat(memory.read(at(i))).isEqualTo(model[i]);
    }
  }

  @Test
  void runsEndAtTheEndOfTheMemory() {
    HeapMemory memory = HeapMemory.ofSize(1 << 20);
    long last = memory.last() - 7;
    memory.fill(last, 1, 5);
    assertThat(memory.read(last)).isEqualTo(5);
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(() -> memory.fillRising(last, 2, 5, 12))
        .extracting(IommuException::errno)
        .isEqualTo(Errno.EFAULT);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 16, 256})
  void adjacentPagesAreAlignedZeroedAndCounted(int pages) {
    HeapMemory memory = HeapMemory.builder().base(0x3000).size(4 << 20).build();
    memory.allocatePage();
    long first = memory.allocatePages(pages);
    assertThat(first % (pages * 4096L)).isZero();
    assertThat(memory.allocatedPages()).isEqualTo(1 + pages);
    memory.fill(first, pages * 512, -1L);
    memory.freePages(first, pages);
    assertThat(memory.allocatedPages()).isEqualTo(1);
    assertThat(memory.allocatePages(pages)).isEqualTo(first);
    assertThat(memory.leadingZeroes(first, pages * 512)).isEqualTo(pages * 512);
  }

  @Test
  void pagesSkippedForAlignmentAreNotLost() {
    HeapMemory memory = HeapMemory.builder().base(0x10000).size(8 << 12).build();
    memory.allocatePage();
    long four = memory.allocatePages(4);
    for (int i = 0; i < 3; i++) {
      assertThat(memory.allocatePage()).isNotEqualTo(four);
    }
    assertThat(memory.allocatedPages()).isEqualTo(8);
    assertThatExceptionOfType(IommuException.class).isThrownBy(memory::allocatePage);
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(() -> memory.freePages(four + 4096, 4));
    memory.freePages(four, 4);
    assertThatExceptionOfType(IommuException.class).isThrownBy(() -> memory.freePages(four, 4));
  }
}
