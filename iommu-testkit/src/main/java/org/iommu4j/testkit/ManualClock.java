package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.iommu4j.spi.Scheduler;
import org.jspecify.annotations.Nullable;

/**
 * Time that stands still until somebody moves it. Thread-safe.
 *
 * <p>What is due runs on the thread that calls {@link #advance}, in the order of its times, and of
 * its scheduling where times are equal; while it runs, the time is its own. A task may schedule
 * further tasks, which run too if they fall due. What a task throws ends {@link #advance} early.
 */
public final class ManualClock implements Scheduler {
  private record Task(Duration due, long order, Runnable body) {}

  @GuardedBy("this")
  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparing(Task::due).thenComparingLong(Task::order));

  @GuardedBy("this")
  private Duration now = Duration.ZERO;

  @GuardedBy("this")
  private long scheduled;

  @GuardedBy("this")
  private boolean stopped;

  /** Creates a clock that shows zero. */
  public ManualClock() {}

  @Override
  public synchronized Runnable schedule(Duration delay, Runnable task) {
    if (delay.isNegative()) {
      throw new IllegalArgumentException("delay " + delay + " is negative");
    }
    Task entry = new Task(now.plus(delay), scheduled++, task);
    if (!stopped) {
      tasks.add(entry);
    }
    return () -> cancel(entry);
  }

  private synchronized void cancel(Task task) {
    tasks.remove(task);
  }

  /** Stops: tasks are dropped, those of later as well. Time can still be moved. */
  @Override
  public synchronized void stop() {
    stopped = true;
    tasks.clear();
  }

  /**
   * The time since the clock was made.
   *
   * @return not negative
   */
  public synchronized Duration now() {
    return now;
  }

  /**
   * How many tasks wait.
   *
   * @return zero or more
   */
  public synchronized int pending() {
    return tasks.size();
  }

  /**
   * Moves time and runs what falls due.
   *
   * @param by how far, not negative
   * @throws IllegalArgumentException if it is negative
   */
  public void advance(Duration by) {
    if (by.isNegative()) {
      throw new IllegalArgumentException("time cannot go back by " + by);
    }
    Duration until = now().plus(by);
    for (Task task = nextDue(until); task != null; task = nextDue(until)) {
      task.body().run();
    }
  }

  /** The next task to run; without one, the time is the given one. */
  private synchronized @Nullable Task nextDue(Duration until) {
    Task first = tasks.peek();
    boolean due = first != null && first.due().compareTo(until) <= 0;
    Duration time = due ? first.due() : until;
    if (time.compareTo(now) > 0) {
      now = time;
    }
    return due ? tasks.poll() : null;
  }

  @Override
  public synchronized String toString() {
    return "clock at " + now + ", " + tasks.size() + " tasks";
  }
}
