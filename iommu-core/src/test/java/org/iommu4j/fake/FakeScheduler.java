package org.iommu4j.fake;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.iommu4j.spi.Scheduler;

/** Time that stands still until a test runs what is due. */
public final class FakeScheduler implements Scheduler {
  private final List<Runnable> tasks = new ArrayList<>();
  private boolean stopped;

  FakeScheduler() {}

  @Override
  public Runnable schedule(Duration delay, Runnable task) {
    tasks.add(task);
    return () -> tasks.remove(task);
  }

  /** How many tasks wait. */
  public int pending() {
    return tasks.size();
  }

  /** Runs everything that waits, on this thread. */
  public void runAll() {
    List<Runnable> due = List.copyOf(tasks);
    tasks.clear();
    due.forEach(Runnable::run);
  }

  /** Whether the core has stopped it. */
  public boolean stopped() {
    return stopped;
  }

  @Override
  public void stop() {
    stopped = true;
  }
}
