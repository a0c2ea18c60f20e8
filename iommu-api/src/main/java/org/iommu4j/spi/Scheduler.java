package org.iommu4j.spi;

import java.time.Duration;

/**
 * Time, for everything in a core that happens later. Thread-safe.
 *
 * <p>The default is one daemon thread per core that stops when the core closes; tests step time by
 * hand.
 */
public interface Scheduler {
  /**
   * Runs something once, later, under no core lock.
   *
   * @param delay how much later, not negative
   * @param task what to run
   * @return run it to cancel; harmless afterwards
   */
  Runnable schedule(Duration delay, Runnable task);

  /** Stops: nothing runs any more. */
  default void stop() {}
}
