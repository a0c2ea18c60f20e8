package org.iommu4j.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.iommu4j.api.IommuException;

class HeapMemoryProperties {
  private static final long BASE = 0x8000_0000L;
  private static final int WORDS = 3 * 512;

  @Property
  void remembersWhatWasWrittenLast(
      @ForAll @Size(max = 200) List<@IntRange(max = WORDS - 1) Integer> where,
      @ForAll @LongRange(min = 1) long seed) {
    HeapMemory memory = HeapMemory.builder().base(BASE).size(WORDS * 8L).build();
    Map<Integer, Long> expected = new HashMap<>();
    long value = seed;
    for (int word : where) {
      value = value * 31 + word;
      memory.write(BASE + word * 8L, value);
      expected.put(word, value);
    }
    for (int word = 0; word < WORDS; word++) {
      assertThat(memory.read(BASE + word * 8L)).isEqualTo(expected.getOrDefault(word, 0L));
    }
  }

  /** Even steps allocate, odd ones free: the count is exact and no page is handed out twice. */
  @Property
  void countsPages(@ForAll @Size(max = 100) List<@IntRange(max = 99) Integer> steps) {
    HeapMemory memory = HeapMemory.builder().base(BASE).size(64 << 12).pageLimit(20).build();
    Deque<Long> mine = new ArrayDeque<>();
    for (int step : steps) {
      if (step % 2 == 0 && mine.size() == 20) {
        assertThatThrownBy(memory::allocatePage).isInstanceOf(IommuException.class);
      } else if (step % 2 == 0) {
        long page = memory.allocatePage();
        assertThat(mine).doesNotContain(page);
        mine.add(page);
      } else if (!mine.isEmpty()) {
        memory.freePage(step % 3 == 0 ? mine.removeFirst() : mine.removeLast());
      }
      assertThat(memory.allocatedPages()).isEqualTo(mine.size());
    }
  }
}
