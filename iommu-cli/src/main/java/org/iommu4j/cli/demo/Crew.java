package org.iommu4j.cli.demo;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.iommu4j.testkit.FakeMachine;

/**
 * Makes actors act: one step of one actor at a time on one thread, chosen by the seed, with the
 * machine's clock moved in between; or on real threads, each with actors of its own.
 */
final class Crew {
  private static final int MAX_MICROS_PER_STEP = 200;
  private static final int SECONDS = 60;

  private final FakeMachine machine;
  private final DemoOptions options;
  private final Problems problems;
  private final SplittableRandom random;

  Crew(FakeMachine machine, DemoOptions options, Problems problems) {
    this.machine = machine;
    this.options = options;
    this.problems = problems;
    this.random = new SplittableRandom(options.seed());
  }

  RandomGenerator random() {
    return random;
  }

  /**
   * Lets actors act together, then put everything back.
   *
   * @param halfway happens after half of the steps, with the others at work if there are threads
   */
  void run(List<? extends Actor> actors, int steps, Runnable halfway) {
    AtomicInteger tickets = new AtomicInteger();
    if (options.stepped() || actors.size() < 2) {
      work(actors, tickets, steps, halfway, random);
    } else {
      runThreads(actors, tickets, steps, halfway);
    }
    actors.forEach(actor -> guarded(actor, actor::finish));
  }

  private void work(
      List<? extends Actor> actors,
      AtomicInteger tickets,
      int steps,
      Runnable halfway,
      RandomGenerator dice) {
    for (int step = tickets.getAndIncrement(); step < steps; step = tickets.getAndIncrement()) {
      if (step == steps / 2) {
        halfway.run();
      }
      Actor actor = actors.get(dice.nextInt(actors.size()));
      guarded(actor, () -> actor.step(dice));
      if (options.stepped()) {
        machine.clock().advance(Duration.ofNanos(1000L * dice.nextInt(MAX_MICROS_PER_STEP)));
      }
    }
  }

  private void guarded(Actor actor, Runnable action) {
    try {
      action.run();
    } catch (RuntimeException unexpected) {
      problems.add(actor + " was stopped by " + unexpected);
    }
  }

  private void runThreads(
      List<? extends Actor> actors, AtomicInteger tickets, int steps, Runnable halfway) {
    int count = Math.min(options.threads(), actors.size());
    ExecutorService threads = Executors.newFixedThreadPool(count);
    for (int thread = 0; thread < count; thread++) {
      List<Actor> own = new ArrayList<>();
      for (int i = thread; i < actors.size(); i += count) {
        own.add(actors.get(i));
      }
      RandomGenerator dice = random.split();
      threads.execute(() -> workOrComplain(own, tickets, steps, halfway, dice));
    }
    threads.shutdown();
    awaitEnd(threads);
  }

  private void workOrComplain(
      List<Actor> own, AtomicInteger tickets, int steps, Runnable halfway, RandomGenerator dice) {
    try {
      work(own, tickets, steps, halfway, dice);
    } catch (RuntimeException | Error unexpected) {
      problems.add("a thread ended with " + unexpected);
    }
  }

  private void awaitEnd(ExecutorService threads) {
    try {
      if (!threads.awaitTermination(SECONDS, TimeUnit.SECONDS)) {
        StringBuilder dump = new StringBuilder();
        Thread.getAllStackTraces()
            .forEach((thread, trace) -> dump.append(thread).append(List.of(trace)).append('\n'));
        throw new IllegalStateException(
            "threads are still at work after " + SECONDS + " s\n" + dump);
      }
    } catch (InterruptedException interrupted) {
      threads.shutdownNow();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while threads were at work", interrupted);
    }
  }
}
