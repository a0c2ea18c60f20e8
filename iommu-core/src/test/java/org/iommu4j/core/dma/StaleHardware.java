package org.iommu4j.core.dma;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.iommu4j.api.IotlbGather;

/**
 * Tables and a translation cache at its worst: it caches every translation and every table page at
 * once, forgets nothing by itself, and a flush of everything forgets only what was unmapped before
 * it began. Whoever uses an address or a table page again too early is written down.
 */
final class StaleHardware {
  static final long PAGE = 0x1000;

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private final Map<Long, Long> table = new HashMap<>();

  @GuardedBy("lock")
  private final Map<Long, Long> cached = new HashMap<>();

  /** Address of a mapping to the table page that holds it. */
  @GuardedBy("lock")
  private final Map<Long, Long> tablePages = new HashMap<>();

  @GuardedBy("lock")
  private final Set<Long> cachedTablePages = new HashSet<>();

  @GuardedBy("lock")
  private final Deque<Long> freeTablePages = new ArrayDeque<>();

  @GuardedBy("lock")
  private final List<String> broken = new ArrayList<>();

  @GuardedBy("lock")
  private long tablePagesMade;

  void map(long iova, long paddr, long size) {
    lock.lock();
    try {
      for (long done = 0; done < size; done += PAGE) {
        note(table.containsKey(iova + done), "mapped twice", iova + done);
        note(cached.containsKey(iova + done), "address used again too early", iova + done);
        table.put(iova + done, paddr + done);
        cached.put(iova + done, paddr + done);
      }
      long tablePage = freeTablePages.isEmpty() ? ++tablePagesMade * PAGE : freeTablePages.pop();
      note(cachedTablePages.contains(tablePage), "table page used again too early", tablePage);
      tablePages.put(iova, tablePage);
      cachedTablePages.add(tablePage);
    } finally {
      lock.unlock();
    }
  }

  long unmap(long iova, long size, IotlbGather gather) {
    lock.lock();
    try {
      long done = 0;
      while (done < size && table.remove(iova + done) != null) {
        done += PAGE;
      }
      Long tablePage = tablePages.remove(iova);
      if (tablePage != null) {
        gather.free(tablePage);
      }
      return done;
    } finally {
      lock.unlock();
    }
  }

  /** Invalidates a range; table pages of a queued gather must be forgotten already. */
  void sync(IotlbGather gather, boolean queuedMustBeClean) {
    lock.lock();
    try {
      for (int i = 0; i < gather.freedCount(); i++) {
        boolean remembered = cachedTablePages.remove(gather.freed(i));
        note(
            remembered && gather.queued() && queuedMustBeClean,
            "table page released before a flush",
            gather.freed(i));
        freeTablePages.push(gather.freed(i));
      }
      cached.keySet().removeIf(iova -> iova >= gather.start() && iova <= gather.end());
    } finally {
      lock.unlock();
    }
  }

  /** A flush of everything with something that happens while it is under way. */
  void flushAll(Runnable meanwhile) {
    Set<Long> stale;
    Set<Long> staleTablePages;
    lock.lock();
    try {
      stale = new HashSet<>(cached.keySet());
      stale.removeAll(table.keySet());
      staleTablePages = new HashSet<>(cachedTablePages);
      staleTablePages.removeAll(tablePages.values());
    } finally {
      lock.unlock();
    }
    meanwhile.run();
    lock.lock();
    try {
      cached.keySet().removeAll(stale);
      cachedTablePages.removeAll(staleTablePages);
    } finally {
      lock.unlock();
    }
  }

  /** Where an access of the device lands; -1 is a fault. */
  long access(long dmaAddress) {
    lock.lock();
    try {
      long iova = dmaAddress & -PAGE;
      Long paddr = cached.getOrDefault(iova, table.get(iova));
      return paddr == null ? -1 : paddr + (dmaAddress - iova);
    } finally {
      lock.unlock();
    }
  }

  int mappedPages() {
    lock.lock();
    try {
      return table.size();
    } finally {
      lock.unlock();
    }
  }

  int freeTablePages() {
    lock.lock();
    try {
      return freeTablePages.size();
    } finally {
      lock.unlock();
    }
  }

  List<String> broken() {
    lock.lock();
    try {
      return List.copyOf(broken);
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock")
  private void note(boolean wrong, String what, long where) {
    if (wrong) {
      broken.add(String.format("%s: 0x%x", what, where));
    }
  }
}
