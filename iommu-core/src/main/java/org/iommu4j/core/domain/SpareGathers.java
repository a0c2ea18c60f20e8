package org.iommu4j.core.domain;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.Stream;
import org.iommu4j.api.IotlbGather;

/**
 * Gathers for unmaps that invalidate at once, made once and lent to one call at a time.
 *
 * <p>A gather is handed to the driver, so it cannot live on the stack, and one made per call would
 * be most of what an unmap leaves to the garbage collector. Threads share a few of them by their
 * ids; who finds one lent, to another thread or to a call further up the stack, makes one for
 * itself. Lending costs a compare-and-set, and no reference is ever stored.
 */
final class SpareGathers {
  private static final int COUNT = 16;

  /** Marks lie so far apart that threads do not write to one cache line. */
  private static final int APART = 16;

  /** Odd, so that the gathers of threads made one after the other do not lie side by side. */
  private static final int SPREAD = 7;

  private final IotlbGather[] gathers =
      Stream.generate(IotlbGather::new).limit(COUNT).toArray(IotlbGather[]::new);

  private final AtomicIntegerArray lent = new AtomicIntegerArray(COUNT * APART);

  /** An empty gather that nobody else has; {@link #give} it back on the same thread. */
  IotlbGather take() {
    int mine = mine();
    return lent.compareAndSet(mine * APART, 0, 1) ? gathers[mine] : new IotlbGather();
  }

  /** Ends the loan. */
  void give(IotlbGather gather) {
    int mine = mine();
    if (gathers[mine] == gather) {
      gather.init();
      lent.setRelease(mine * APART, 0);
    }
  }

  private static int mine() {
    return ((int) Thread.currentThread().getId() * SPREAD) & (COUNT - 1);
  }
}
