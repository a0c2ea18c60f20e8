package org.iommu4j.core.dma;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.iommu4j.spi.Scheduler;
import org.jspecify.annotations.Nullable;

/** Time that stands still until a test moves it. Tasks run on the thread that does. */
final class ManualScheduler implements Scheduler {
  private record Task(long due, long order, Runnable body) {}

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(Task::due).thenComparingLong(Task::order));

  @GuardedBy("lock")
  private long now;

  @GuardedBy("lock")
  private long count;

  @Override
  public Runnable schedule(Duration delay, Runnable body) {
    lock.lock();
    try {
      Task task = new Task(now + delay.toNanos(), count++, body);
      tasks.add(task);
      return () -> cancel(task);
    } finally {
      lock.unlock();
    }
  }

  private void cancel(Task task) {
    lock.lock();
    try {
      tasks.remove(task);
    } finally {
      lock.unlock();
    }
  }

  void advanceMillis(long millis) {
    long until;
    lock.lock();
    try {
      until = now + Duration.ofMillis(millis).toNanos();
    } finally {
      lock.unlock();
    }
    for (Task task = next(until); task != null; task = next(until)) {
      task.body().run();
    }
  }

  private @Nullable Task next(long until) {
    lock.lock();
    try {
      Task first = tasks.peek();
      if (first == null || first.due() > until) {
        now = Math.max(now, until);
        return null;
      }
      now = Math.max(now, first.due());
      return tasks.poll();
    } finally {
      lock.unlock();
    }
  }

  int pending() {
    lock.lock();
    try {
      return tasks.size();
    } finally {
      lock.unlock();
    }
  }
}
