package org.iommu4j.core.domain;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.iommu4j.api.IotlbGather;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who is lent a gather has it alone, and finds it empty. */
final class SpareGathersTest {
  private final SpareGathers spares = new SpareGathers();

  @Test
  void oneAfterTheOtherNothingIsMade() {
    IotlbGather first = spares.take();
    spares.give(first);
    IotlbGather second = spares.take();
    assertThat(second).isSameAs(first);
    spares.give(second);
  }

  /** A driver's callback may unmap, too. */
  @Test
  void aCallInsideAnotherHasItsOwn() {
    IotlbGather outer = spares.take();
    IotlbGather inner = spares.take();
    assertThat(inner).isNotSameAs(outer);
    spares.give(inner);
    IotlbGather next = spares.take();
    assertThat(next).isNotSameAs(outer);
    spares.give(next);
    spares.give(outer);
    assertThat(spares.take()).isSameAs(outer);
  }

  /** A call that ended with an exception leaves nothing to the next. */
  @Test
  void whatComesBackIsEmptied() {
    IotlbGather gather = spares.take();
    gather.addRange(0x1000, 0x1000);
    gather.free(0x7000);
    gather.queue();
    spares.give(gather);
    IotlbGather again = spares.take();
    assertThat(again).isSameAs(gather);
    assertThat(again.hasRange()).isFalse();
    assertThat(again.freedCount()).isZero();
    assertThat(again.queued()).isFalse();
  }

  /** More threads than there are spares, all inside at once. */
  @Test
  @Timeout(60)
  void threadsHaveTheirOwn() throws Exception {
    int threads = 40;
    var inside = new CyclicBarrier(threads);
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      Set<Future<IotlbGather>> taken = new HashSet<>();
      for (int i = 0; i < threads; i++) {
        taken.add(
            pool.submit(
                () -> {
                  IotlbGather mine = spares.take();
                  inside.await();
                  spares.give(mine);
                  return mine;
                }));
      }
      Set<IotlbGather> different = Collections.newSetFromMap(new IdentityHashMap<>());
      for (Future<IotlbGather> one : taken) {
        different.add(one.get());
      }
      assertThat(different).hasSize(threads);
    } finally {
      pool.shutdownNow();
      assertThat(pool.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }
  }
}
