package org.iommu4j.bench;

import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the machine of a run costs: divide other figures of the same run by these. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class Yardsticks {
  private static final int ENTRIES = 262_144;

  private final AtomicLong counter = new AtomicLong();
  private final ReentrantLock lock = new ReentrantLock();
  private final long[] entries = new long[ENTRIES];
  private long base;

  /** Creates the state; JMH calls this. */
  public Yardsticks() {}

  /** One uncontended compare-and-set. */
  @Benchmark
  public boolean compareAndSet() {
    long now = counter.getPlain();
    return counter.compareAndSet(now, now + 1);
  }

  /** One full fence. */
  @Benchmark
  public void fullFence() {
    VarHandle.fullFence();
  }

  /** One uncontended round trip of a lock. */
  @Benchmark
  public void lockRoundTrip() {
    lock.lock();
    try {
      base++;
    } finally {
      lock.unlock();
    }
  }

  /** Filling page-table entries with a plain loop, per entry. */
  @Benchmark
  @OperationsPerInvocation(ENTRIES)
  public long[] plainFill() {
    long value = base++;
    for (int i = 0; i < ENTRIES; i++) {
      entries[i] = value;
      value += 4096;
    }
    return entries;
  }
}
