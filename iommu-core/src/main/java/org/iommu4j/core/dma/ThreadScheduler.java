package org.iommu4j.core.dma;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.iommu4j.spi.Scheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Real time: one daemon thread, which begins with the first task and ends with {@link #stop}.
 *
 * <p>Tasks run one after the other. What one throws is logged and keeps nothing else from running.
 */
public final class ThreadScheduler implements Scheduler {
  private static final Logger LOG = LoggerFactory.getLogger(ThreadScheduler.class);

  private final ScheduledThreadPoolExecutor executor;

  /** Creates a scheduler that has no thread yet. */
  public ThreadScheduler() {
    executor =
        new ScheduledThreadPoolExecutor(
            1, ThreadScheduler::daemon, new ThreadPoolExecutor.DiscardPolicy());
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "iommu4j-scheduler");
    thread.setDaemon(true);
    return thread;
  }

  @Override
  public Runnable schedule(Duration delay, Runnable task) {
    Future<?> pending =
        executor.schedule(() -> runLogged(task), delay.toNanos(), TimeUnit.NANOSECONDS);
    return () -> pending.cancel(false);
  }

  private static void runLogged(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error unexpected) {
      LOG.error("a scheduled task failed", unexpected);
    }
  }

  /** Stops: no task begins any more, and none given from now on will. Waits for nothing. */
  @Override
  public void stop() {
    executor.shutdown();
  }
}
