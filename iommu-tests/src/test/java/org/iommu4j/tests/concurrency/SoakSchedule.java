package org.iommu4j.tests.concurrency;

import java.time.Duration;

/** When a storm ends: at its time, but not before a least number of steps and after a most. */
final class SoakSchedule {
  private static final long LEAST_STEPS = 2_000;
  private static final long MOST_STEPS_PER_SECOND = 20_000;

  private final long deadline;
  private final long mostSteps;
  private volatile boolean stopped;

  SoakSchedule(Duration length) {
    deadline = System.nanoTime() + length.toNanos();
    mostSteps = Math.max(LEAST_STEPS, length.toMillis() * MOST_STEPS_PER_SECOND / 1000);
  }

  /** Whether an actor that has made so many steps makes another. */
  boolean goesOn(long steps) {
    if (stopped || steps >= mostSteps) {
      return false;
    }
    return steps < LEAST_STEPS || System.nanoTime() - deadline < 0;
  }

  void stop() {
    stopped = true;
  }
}
