package org.iommu4j.testkit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Objects;
import java.util.function.Consumer;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * The heart of the SoftIOMMU model: caches, walks, and what invalidations promise. Thread-safe.
 *
 * <p><b>Fill against invalidation.</b> A walk takes no lock, so tables may change under it and an
 * invalidation may begin and end while it is under way. If its result went into the cache then, a
 * translation from before the invalidation would stay there for ever, although the driver did
 * everything right. Therefore:
 *
 * <ol>
 *   <li>looking into the caches also takes down the <i>generation</i>, a counter of invalidations;
 *   <li>the walk runs without the lock;
 *   <li>under the lock, its result is used only if the generation is still the same; otherwise it
 *       is thrown away, refusals too, and the access starts again.
 * </ol>
 *
 * <p>An invalidation counts the generation up and drops entries under the lock. So whatever is used
 * after it has returned was read from tables after it had begun.
 *
 * <p><b>Drain.</b> The transfer to or from memory happens under the same lock as the decision where
 * it goes. So an invalidation also waits for the accesses that used what it drops.
 *
 * <p>An access that has walked too often in vain walks under the lock, where nothing overtakes it.
 */
final class SoftTranslator {
  private static final int MAX_WALKS = 6;

  private final PhysicalMemory memory;
  private final SoftWalker walker;
  private final int pasids;
  private final boolean checksStale;

  private volatile Runnable walkHook = () -> {};
  private volatile Consumer<StaleAccess> staleListener = stale -> {};

  @GuardedBy("this")
  private final Iotlb iotlb;

  @GuardedBy("this")
  private final SoftEntryCache entries = new SoftEntryCache();

  @GuardedBy("this")
  private long generation;

  @GuardedBy("this")
  private boolean enabled;

  @GuardedBy("this")
  private long deviceTable;

  @GuardedBy("this")
  private long translations;

  @GuardedBy("this")
  private long hits;

  @GuardedBy("this")
  private long misses;

  @GuardedBy("this")
  private long rangeInvalidations;

  @GuardedBy("this")
  private long domainInvalidations;

  @GuardedBy("this")
  private long deviceInvalidations;

  @GuardedBy("this")
  private long faults;

  @GuardedBy("this")
  private long staleHits;

  @GuardedBy("this")
  private long interruptMessages;

  SoftTranslator(
      PhysicalMemory memory,
      int pasids,
      boolean marksDirty,
      int iotlbCapacity,
      boolean checksStale) {
    this.memory = memory;
    this.pasids = pasids;
    this.checksStale = checksStale;
    this.walker = new SoftWalker(memory, marksDirty);
    this.iotlb = new Iotlb(iotlbCapacity);
  }

  void onWalk(Runnable hook) {
    walkHook = hook;
  }

  void onStale(Consumer<StaleAccess> listener) {
    staleListener = listener;
  }

  /** How an access ended. */
  private record End(long value, @Nullable FaultReason refusal, @Nullable StaleAccess stale) {}

  /** One look into the caches: an end, or what is known and what must be read in tables. */
  private record Attempt(
      @Nullable End end,
      long generation,
      long deviceTable,
      @Nullable Long deviceEntry,
      @Nullable Long pasidEntry,
      @Nullable SoftContext context) {
    static Attempt ended(End end) {
      return new Attempt(end, 0, 0, null, null, null);
    }
  }

  /** What was read in tables: entries of the device first, a leaf once those are cached. */
  private record Found(
      long deviceEntry, @Nullable Long pasidEntry, SoftWalker.@Nullable Leaf leaf) {}

  /**
   * Carries an access out.
   *
   * @return what was read, or the physical address if nothing moves
   * @throws DmaFault if it is refused
   */
  long access(SoftRequest request) {
    if (request.inInterruptWindow()) {
      return interruptMessage(request);
    }
    Attempt attempt = begin(request);
    for (int walks = 0; attempt.end() == null; walks++) {
      attempt = walks < MAX_WALKS ? race(request, attempt) : walkLocked(request);
    }
    StaleAccess stale = attempt.end().stale();
    if (stale != null) {
      staleListener.accept(stale);
    }
    FaultReason refusal = attempt.end().refusal();
    if (refusal != null) {
      throw new DmaFault(request.refused(refusal));
    }
    return attempt.end().value();
  }

  private synchronized long interruptMessage(SoftRequest request) {
    if (request.access() == FaultAccess.READ) {
      faults++;
      throw new DmaFault(request.refused(FaultReason.INTERRUPT_WINDOW));
    }
    interruptMessages += request.transfer() ? 1 : 0;
    return request.iova();
  }

  private synchronized Attempt begin(SoftRequest request) {
    translations++;
    return lookUp(request);
  }

  @GuardedBy("this")
  private Attempt lookUp(SoftRequest request) {
    if (!enabled) {
      return Attempt.ended(refused(FaultReason.DISABLED, null));
    }
    Long deviceEntry = entries.deviceEntry(request.streamId());
    Long pasidEntry = null;
    boolean complete = deviceEntry != null;
    if (deviceEntry != null && SoftContext.needsPasidEntry(deviceEntry, request.pasid(), pasids)) {
      pasidEntry = entries.pasidEntry(request.streamId(), request.pasid());
      complete = pasidEntry != null;
    }
    if (deviceEntry == null || !complete) {
      return new Attempt(null, generation, deviceTable, deviceEntry, null, null);
    }
    SoftContext context =
        SoftContext.decode(
            deviceEntry, pasidEntry == null ? 0 : pasidEntry, request.pasid(), pasids);
    FaultReason refusal = context.refusal();
    if (refusal != null) {
      return Attempt.ended(refused(refusal, compare(request, StaleAccess.NOWHERE)));
    }
    if (!context.translated()) {
      return Attempt.ended(land(request, request.iova(), compare(request, request.iova())));
    }
    Translation cached = iotlb.find(context.domain(), request.iova(), request.access());
    if (cached == null) {
      return new Attempt(null, generation, deviceTable, deviceEntry, pasidEntry, context);
    }
    hits++;
    long physical = cached.physicalOf(request.iova());
    return Attempt.ended(land(request, physical, compare(request, physical)));
  }

  /** Steps 2 and 3 of the protocol, and step 1 of the next round. */
  private Attempt race(SoftRequest request, Attempt miss) {
    Found found = walk(request, miss);
    walkHook.run();
    synchronized (this) {
      return generation == miss.generation() ? settle(request, miss, found) : lookUp(request);
    }
  }

  private synchronized Attempt walkLocked(SoftRequest request) {
    Attempt attempt = lookUp(request);
    while (attempt.end() == null) {
      attempt = settle(request, attempt, walk(request, attempt));
    }
    return attempt;
  }

  /** Reads what is missing; null if memory does not answer. */
  private @Nullable Found walk(SoftRequest request, Attempt miss) {
    try {
      Long known = miss.deviceEntry();
      long deviceEntry =
          known != null ? known : walker.deviceEntry(miss.deviceTable(), request.streamId());
      SoftContext context = miss.context();
      if (context != null) {
        return new Found(
            deviceEntry,
            miss.pasidEntry(),
            walker.walk(context, request.iova(), request.access(), true));
      }
      Long pasidEntry =
          SoftContext.needsPasidEntry(deviceEntry, request.pasid(), pasids)
              ? walker.pasidEntry(SoftContext.pasidEntryAddress(deviceEntry, request.pasid()))
              : null;
      return new Found(deviceEntry, pasidEntry, null);
    } catch (IommuException noMemory) {
      return null;
    }
  }

  /** Uses what a walk found; nothing was invalidated since it began. */
  @GuardedBy("this")
  private Attempt settle(SoftRequest request, Attempt miss, @Nullable Found found) {
    if (found == null) {
      return Attempt.ended(refused(FaultReason.MEMORY, null));
    }
    SoftWalker.Leaf leaf = found.leaf();
    if (leaf == null) {
      entries.putDeviceEntry(request.streamId(), found.deviceEntry());
      if (found.pasidEntry() != null) {
        entries.putPasidEntry(request.streamId(), request.pasid(), found.pasidEntry());
      }
      return lookUp(request);
    }
    misses++;
    Translation translation = leaf.translation();
    long physical =
        translation == null ? StaleAccess.NOWHERE : translation.physicalOf(request.iova());
    StaleAccess stale = entriesChanged(request, miss) ? compare(request, physical) : null;
    if (translation == null) {
      return Attempt.ended(refused(Objects.requireNonNull(leaf.refusal()), stale));
    }
    iotlb.insert(translation);
    return Attempt.ended(land(request, physical, stale));
  }

  /** Whether the walk used a cached device or PASID entry that tables no longer hold. */
  @GuardedBy("this")
  private boolean entriesChanged(SoftRequest request, Attempt miss) {
    Long cached = miss.deviceEntry();
    if (!checksStale || cached == null) {
      return false;
    }
    try {
      Long pasidEntry = miss.pasidEntry();
      return cached != walker.deviceEntry(deviceTable, request.streamId())
          || (pasidEntry != null
              && pasidEntry
                  != walker.pasidEntry(SoftContext.pasidEntryAddress(cached, request.pasid())));
    } catch (IommuException noMemory) {
      return true;
    }
  }

  /** Compares where an access goes with what tables say now. */
  @GuardedBy("this")
  private @Nullable StaleAccess compare(SoftRequest request, long physical) {
    if (!checksStale) {
      return null;
    }
    long walked = freshWalk(request);
    if (walked == physical) {
      return null;
    }
    staleHits++;
    return new StaleAccess(
        request.streamId(), request.pasid(), request.iova(), request.access(), physical, walked);
  }

  @GuardedBy("this")
  private long freshWalk(SoftRequest request) {
    try {
      long deviceEntry = walker.deviceEntry(deviceTable, request.streamId());
      long pasidEntry =
          SoftContext.needsPasidEntry(deviceEntry, request.pasid(), pasids)
              ? walker.pasidEntry(SoftContext.pasidEntryAddress(deviceEntry, request.pasid()))
              : 0;
      SoftContext context = SoftContext.decode(deviceEntry, pasidEntry, request.pasid(), pasids);
      if (context.refusal() != null) {
        return StaleAccess.NOWHERE;
      }
      if (!context.translated()) {
        return request.iova();
      }
      Translation translation =
          walker.walk(context, request.iova(), request.access(), false).translation();
      return translation == null ? StaleAccess.NOWHERE : translation.physicalOf(request.iova());
    } catch (IommuException noMemory) {
      return StaleAccess.NOWHERE;
    }
  }

  /** Reaches memory, still under the lock: see "Drain" above. */
  @GuardedBy("this")
  private End land(SoftRequest request, long physical, @Nullable StaleAccess stale) {
    if (!request.transfer()) {
      return new End(physical, null, stale);
    }
    long word = physical & -Long.BYTES;
    try {
      if (request.access() == FaultAccess.READ) {
        return new End(memory.readAcquire(word), null, stale);
      }
      if (request.mask() == -1L) {
        memory.writeRelease(word, request.value());
      } else {
        merge(word, request.value(), request.mask());
      }
      return new End(request.value(), null, stale);
    } catch (IommuException noMemory) {
      return refused(FaultReason.MEMORY, stale);
    }
  }

  private void merge(long word, long value, long mask) {
    long old;
    do {
      old = memory.readAcquire(word);
    } while (!memory.compareAndSet(word, old, (old & ~mask) | (value & mask)));
  }

  @GuardedBy("this")
  private End refused(FaultReason reason, @Nullable StaleAccess stale) {
    faults++;
    return new End(0, reason, stale);
  }

  synchronized void enable(boolean on) {
    enabled = on;
    generation++;
  }

  synchronized void useDeviceTable(long table) {
    deviceTable = table;
    entries.dropAll();
    iotlb.dropAll();
    generation++;
  }

  synchronized void invalidateRange(int domain, long first, long last) {
    iotlb.dropRange(domain, first, last);
    rangeInvalidations++;
    generation++;
  }

  synchronized void invalidateDomain(int domain) {
    iotlb.dropDomain(domain);
    domainInvalidations++;
    generation++;
  }

  synchronized void invalidateDevice(int streamId) {
    entries.drop(streamId);
    deviceInvalidations++;
    generation++;
  }

  synchronized int iotlbSize() {
    return iotlb.size();
  }

  synchronized HardwareStats stats() {
    return new HardwareStats(
        translations,
        hits,
        misses,
        rangeInvalidations,
        domainInvalidations,
        deviceInvalidations,
        faults,
        staleHits,
        interruptMessages);
  }
}
