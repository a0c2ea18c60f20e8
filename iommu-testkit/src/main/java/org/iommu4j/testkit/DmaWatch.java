package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.PagingDomain;
import org.jspecify.annotations.Nullable;

/**
 * The judge of stale accesses: it sees who was lent which addresses, and so knows which of them are
 * errors. Thread-safe.
 *
 * <p>Hardware reports each access for which it used something cached that tables no longer say
 * ({@link StaleAccess}); that alone is no error. Two things are:
 *
 * <ul>
 *   <li>in a strict domain, an access to addresses whose unmap had returned before the access began
 *       (FQ-019): {@link Verdict#AFTER_INVALIDATION};
 *   <li>in any domain, an access to an address that belongs to somebody else meanwhile (FQ-016):
 *       {@link Verdict#REUSED_TOO_EARLY}.
 * </ul>
 *
 * <p>Each page has a state, and each change of it gets a number. What an access could see before it
 * began is compared with what is known after it; if the page has changed in between, the access is
 * not held against anybody:
 *
 * <pre>
 *   unknown --map--> LENT --unmap begins--> ENDING --unmap returns--> INVALIDATED (strict)
 *                     ^                                '------------> QUEUED      (lazy)
 *                     '------------------map-----------------------------'
 * </pre>
 */
public final class DmaWatch {
  private static final int PAGE_SHIFT = 12;

  /** What a stale access is. */
  public enum Verdict {
    /** A lazy domain before its flush: the device still reaches the old memory (FQ-018). */
    ALLOWED(false),
    /** Nothing can be said: an unmap or a change of domain was under way. */
    UNDECIDED(false),
    /** A translation was used after its invalidation had returned. */
    AFTER_INVALIDATION(true),
    /** An address was handed out again before the hardware had forgotten it. */
    REUSED_TOO_EARLY(true);

    private final boolean violation;

    Verdict(boolean violation) {
      this.violation = violation;
    }

    /**
     * Whether somebody broke a promise.
     *
     * @return true for the last two
     */
    public boolean isViolation() {
      return violation;
    }
  }

  /**
   * A stale access with its verdict.
   *
   * @param verdict the verdict
   * @param device whose access it was, if it came through a {@link WatchedDma}
   * @param access what happened
   */
  public record Judgement(Verdict verdict, @Nullable Device device, StaleAccess access) {
    @Override
    public String toString() {
      return verdict + ": " + (device == null ? "" : device + ": ") + access;
    }
  }

  /** What is known of a page. */
  private enum Phase {
    LENT,
    ENDING,
    INVALIDATED,
    QUEUED
  }

  private record Page(Phase phase, long change) {}

  /** An access under way: its domain, and what was known of its pages when it began. */
  private record Access(
      Device device, @Nullable PagingDomain domain, Map<Long, Page> pagesBefore) {}

  /** By the thread that does it: hardware reports a stale access on the same one. */
  private final Map<Thread, Access> underWay = new ConcurrentHashMap<>();

  @GuardedBy("this")
  private final IdentityHashMap<PagingDomain, Map<Long, Page>> domains = new IdentityHashMap<>();

  @GuardedBy("this")
  private long changes;

  @GuardedBy("this")
  private final List<Judgement> violations = new ArrayList<>();

  @GuardedBy("this")
  private final Map<Verdict, Long> counts = new HashMap<>();

  private volatile Consumer<Judgement> listener = judgement -> {};

  /** Creates a judge who watches nothing yet. */
  public DmaWatch() {}

  /**
   * Watches hardware from now on; it takes the place of the hardware's stale listener.
   *
   * @param hardware any number of them may be watched
   */
  public void watch(SoftHardware hardware) {
    hardware.onStale(this::judge);
  }

  /**
   * Sets who is told of each judgement, in place of the previous one.
   *
   * @param judged runs on the thread that does the DMA; must not throw
   */
  public void onJudgement(Consumer<Judgement> judged) {
    listener = judged;
  }

  /**
   * The broken promises.
   *
   * @return a copy, oldest first
   */
  public synchronized List<Judgement> violations() {
    return List.copyOf(violations);
  }

  /**
   * How many stale accesses got a verdict.
   *
   * @param verdict which
   * @return zero or more
   */
  public synchronized long count(Verdict verdict) {
    return counts.getOrDefault(verdict, 0L);
  }

  /** Pages are lent. */
  void lent(@Nullable PagingDomain domain, long iova, long size) {
    set(domain, iova, size, Phase.LENT);
  }

  /** Somebody begins to take pages back. */
  void ending(@Nullable PagingDomain domain, long iova, long size) {
    set(domain, iova, size, Phase.ENDING);
  }

  /** Pages have been taken back; a domain that is strict now was so all the time (FQ-014). */
  void ended(@Nullable PagingDomain domain, long iova, long size) {
    boolean strict = domain != null && domain.type() == DomainType.DMA;
    set(domain, iova, size, strict ? Phase.INVALIDATED : Phase.QUEUED);
  }

  private synchronized void set(@Nullable PagingDomain domain, long iova, long size, Phase phase) {
    if (domain == null) {
      return;
    }
    Map<Long, Page> pages = domains.computeIfAbsent(domain, unused -> new HashMap<>());
    long last = (iova + size - 1) >>> PAGE_SHIFT;
    for (long page = iova >>> PAGE_SHIFT; page <= last; page++) {
      pages.put(page, new Page(phase, ++changes));
    }
  }

  /** Does an access of a device in a domain. */
  long during(Device device, @Nullable PagingDomain domain, long iova, LongSupplier access) {
    underWay.put(Thread.currentThread(), new Access(device, domain, pagesOf(domain, iova)));
    try {
      return access.getAsLong();
    } finally {
      underWay.remove(Thread.currentThread());
    }
  }

  private synchronized Map<Long, Page> pagesOf(@Nullable PagingDomain domain, long iova) {
    Map<Long, Page> pages = new HashMap<>();
    Map<Long, Page> known = domain == null ? Map.of() : domains.getOrDefault(domain, Map.of());
    for (long address : new long[] {iova, iova + Long.BYTES - 1}) {
      Page page = known.get(address >>> PAGE_SHIFT);
      if (page != null) {
        pages.put(address >>> PAGE_SHIFT, page);
      }
    }
    return pages;
  }

  private void judge(StaleAccess stale) {
    Access access = underWay.get(Thread.currentThread());
    Judgement judgement =
        new Judgement(verdict(access, stale), access == null ? null : access.device(), stale);
    synchronized (this) {
      counts.merge(judgement.verdict(), 1L, Long::sum);
      if (judgement.verdict().isViolation()) {
        violations.add(judgement);
      }
    }
    listener.accept(judgement);
  }

  private synchronized Verdict verdict(@Nullable Access access, StaleAccess stale) {
    PagingDomain domain = access == null ? null : access.domain();
    Page before = access == null ? null : access.pagesBefore().get(stale.iova() >>> PAGE_SHIFT);
    if (domain == null || before == null || stale.cached() == StaleAccess.NOWHERE) {
      return Verdict.UNDECIDED;
    }
    if (stale.walked() != StaleAccess.NOWHERE) {
      // Tables say that the page belongs to another mapping than the one that was used.
      return Verdict.REUSED_TOO_EARLY;
    }
    Page now = domains.getOrDefault(domain, Map.of()).get(stale.iova() >>> PAGE_SHIFT);
    if (now == null || now.change() != before.change()) {
      return Verdict.UNDECIDED;
    }
    return switch (before.phase()) {
      case LENT, ENDING -> Verdict.UNDECIDED;
      case INVALIDATED -> Verdict.AFTER_INVALIDATION;
      case QUEUED -> Verdict.ALLOWED;
    };
  }

  @Override
  public synchronized String toString() {
    return "judgements " + counts;
  }
}
