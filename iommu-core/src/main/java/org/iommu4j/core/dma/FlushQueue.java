package org.iommu4j.core.dma;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.ReentrantLock;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.jspecify.annotations.Nullable;

/**
 * What a lazy domain has unmapped but its hardware may still remember, oldest first.
 *
 * <h2>The promise</h2>
 *
 * An entry is released, which means that its table pages and then its addresses may be used again,
 * only after a flush of everything has finished that began after the entry was queued (FQ-005,
 * FQ-016, FQ-017). A flush that was under way when the entry came may have passed its translation
 * already, so it does not count:
 *
 * <pre>
 *   flush 7    |--------------|          entry A, stamp 6: released when flush 7 or 8 has finished
 *   entries  A        B                  entry B, stamp 7: released when flush 8 has finished,
 *   flush 8         .    |---------|                       though flush 7 finishes earlier
 * </pre>
 *
 * Flushes are numbered when they begin, entries are stamped with the number of the latest begun
 * one, and an entry is ready once a flush with a higher number has finished. Linux compares counts
 * instead (more flushes finished than had begun), which implies this. Numbers and stamps are drawn
 * under one lock after the translation was removed, so a flush that counts sees that removal
 * (FQ-007). No lock is held while the driver flushes.
 *
 * <p>Release works from the front and stops at the first entry that is not ready (FQ-006). A flush
 * happens when an entry finds the queue full, and when the timer, started by the first entry,
 * expires (FQ-008). A flush that fails releases nothing.
 *
 * <h2>Table pages</h2>
 *
 * The driver side has one operation that takes gathered table pages back: the invalidation of a
 * gather. So an entry whose unmap freed table pages keeps its gather, with the range it covered,
 * and is released through {@link PagingDomain#iotlbSync}; after the full flush that invalidation is
 * redundant but harmless, and such entries are rare.
 */
final class FlushQueue {
  /** How large a queue is and how long an entry waits at most (CORE-049, FQ-001). */
  enum Shape {
    /** For hardware that flushes cheaply. */
    SMALL(256, Duration.ofMillis(10)),
    /** For hardware whose flush synchronises shadow tables. */
    LARGE(32768, Duration.ofSeconds(1));

    private final int ring;
    private final Duration timeout;

    Shape(int ring, Duration timeout) {
      this.ring = ring;
      this.timeout = timeout;
    }

    /** How many entries fit: a ring is full when one slot is left (FQ-002). */
    int capacity() {
      return ring - 1;
    }

    /** How long after the first entry the timer expires. */
    Duration timeout() {
      return timeout;
    }
  }

  private record Entry(long page, long pages, long stamp, @Nullable IotlbGather tables) {}

  private final PagingDomain domain;
  private final IovaSpace space;
  private final int capacity;
  private final Runnable startTimer;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Deque<Entry> entries = new ArrayDeque<>();

  @GuardedBy("lock")
  private long latestBegun;

  @GuardedBy("lock")
  private long latestFinished;

  /** Whether {@link #expire} will be called without a further {@link #startTimer}. */
  @GuardedBy("lock")
  private boolean timerRuns;

  /**
   * Creates an empty queue.
   *
   * @param domain whose translations are flushed
   * @param space where released pages go
   * @param capacity how many entries may wait
   * @param startTimer makes {@link #expire} be called later
   */
  FlushQueue(PagingDomain domain, IovaSpace space, int capacity, Runnable startTimer) {
    this.domain = domain;
    this.space = space;
    this.capacity = capacity;
    this.startTimer = startTimer;
  }

  /**
   * Queues an unmap whose translation has been removed.
   *
   * @param page first page
   * @param pages how many
   * @param tables the unmap's gather if it freed table pages
   */
  void add(long page, long pages, @Nullable IotlbGather tables) {
    try {
      if (size() >= capacity) {
        flush();
      }
    } finally {
      boolean first;
      lock.lock();
      try {
        entries.addLast(new Entry(page, pages, latestBegun, tables));
        first = !timerRuns;
        timerRuns = true;
      } finally {
        lock.unlock();
      }
      if (first) {
        startTimer.run();
      }
    }
  }

  /** How many entries wait. */
  int size() {
    lock.lock();
    try {
      return entries.size();
    } finally {
      lock.unlock();
    }
  }

  /** The timer expired: whatever comes from now on starts it anew. */
  void expire() {
    lock.lock();
    try {
      timerRuns = false;
    } finally {
      lock.unlock();
    }
    try {
      flush();
    } finally {
      restartTimerIfNeeded();
    }
  }

  /** Entries outlive an expiry only if the flush failed; they must not wait for ever. */
  private void restartTimerIfNeeded() {
    boolean restart;
    lock.lock();
    try {
      restart = !timerRuns && !entries.isEmpty();
      timerRuns |= restart;
    } finally {
      lock.unlock();
    }
    if (restart) {
      startTimer.run();
    }
  }

  private void flush() {
    long number;
    lock.lock();
    try {
      number = ++latestBegun;
    } finally {
      lock.unlock();
    }
    domain.flushIotlbAll();
    lock.lock();
    try {
      latestFinished = Math.max(latestFinished, number);
    } finally {
      lock.unlock();
    }
    for (Entry entry = nextReady(); entry != null; entry = nextReady()) {
      freeTables(entry);
      space.free(entry.page(), entry.pages());
    }
  }

  private @Nullable Entry nextReady() {
    lock.lock();
    try {
      Entry oldest = entries.peekFirst();
      return oldest != null && oldest.stamp() < latestFinished ? entries.pollFirst() : null;
    } finally {
      lock.unlock();
    }
  }

  private void freeTables(Entry entry) {
    IotlbGather tables = entry.tables();
    if (tables != null) {
      domain.iotlbSync(tables);
    }
  }

  /**
   * Frees the table pages of all entries without a flush: nothing is attached to the domain any
   * more (FQ-015). The addresses die with their space. The caller keeps everybody else out.
   */
  void abandon() {
    lock.lock();
    try {
      for (Entry entry = entries.pollFirst(); entry != null; entry = entries.pollFirst()) {
        freeTables(entry);
      }
    } finally {
      lock.unlock();
    }
  }
}
