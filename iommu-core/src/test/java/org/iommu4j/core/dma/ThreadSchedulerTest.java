package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ThreadSchedulerTest {
  private static final long PATIENCE_SECONDS = 60;

  private final ThreadScheduler scheduler = new ThreadScheduler();
  private final BlockingQueue<Thread> ran = new ArrayBlockingQueue<>(8);

  @AfterEach
  void stop() {
    scheduler.stop();
  }

  private Thread nextRun() throws InterruptedException {
    Thread thread = ran.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertThat(thread).isNotNull();
    return thread;
  }

  private void note() {
    ran.add(Thread.currentThread());
  }

  @Test
  void runsTasksOnOneDaemonThread() throws InterruptedException {
    scheduler.schedule(Duration.ofNanos(1), this::note);
    scheduler.schedule(Duration.ZERO, this::note);
    Thread thread = nextRun();
    assertThat(thread).isNotSameAs(Thread.currentThread());
    assertThat(thread.isDaemon()).isTrue();
    assertThat(nextRun()).isSameAs(thread);
  }

  @Test
  void survivesATaskThatThrows() throws InterruptedException {
    scheduler.schedule(
        Duration.ZERO,
        () -> {
          throw new IllegalStateException("thrown by a test");
        });
    scheduler.schedule(Duration.ZERO, this::note);
    nextRun();
  }

  @Test
  void cancels() throws InterruptedException {
    CountDownLatch gate = new CountDownLatch(1);
    scheduler.schedule(Duration.ZERO, () -> await(gate));
    Runnable cancel = scheduler.schedule(Duration.ZERO, this::note);
    cancel.run();
    cancel.run();
    gate.countDown();
    CountDownLatch last = new CountDownLatch(1);
    scheduler.schedule(Duration.ZERO, last::countDown);
    assertThat(last.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(ran).isEmpty();
  }

  @Test
  void runsNothingAfterItStopped() throws InterruptedException {
    scheduler.schedule(Duration.ZERO, this::note);
    Thread thread = nextRun();
    scheduler.schedule(Duration.ofDays(1), this::note);
    scheduler.stop();
    scheduler.stop();
    scheduler.schedule(Duration.ZERO, this::note).run();
    thread.join(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
    assertThat(thread.isAlive()).isFalse();
    assertThat(ran).isEmpty();
  }

  private static void await(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
