package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.core.domain.CoreDomain;
import org.jspecify.annotations.Nullable;

/**
 * What is attached to each PASID of a group, and to the requester id at index 0 (CORE-458).
 *
 * <p>Writes happen under the group lock; the table's own lock, innermost of all, lets {@code
 * handle(pasid)} read without it. An index is reserved first and filled last, so a fault never
 * finds a half-attached domain.
 */
final class PasidTable {
  private static final Entry RESERVED = new Entry.Reserved();

  private final Object lock = new Object();

  /** By unsigned value: a PASID above 2^31 is a large number, not a negative one. */
  @GuardedBy("lock")
  private final TreeMap<Long, Entry> entries = new TreeMap<>();

  /**
   * Which domain each index counts as a use. A handle's domain field changes at every attempt, even
   * a failing one, so the entry itself cannot tell what was counted.
   */
  @GuardedBy("lock")
  private final Map<Integer, CoreDomain> counted = new HashMap<>();

  /** What an index holds. */
  sealed interface Entry {
    /** An index taken by an attach that is under way. */
    record Reserved() implements Entry {}

    /** A domain attached without handle. */
    record Plain(CoreDomain attached) implements Entry {}

    /** A domain attached with a handle; the handle names the domain. */
    record WithHandle(AttachHandle handle) implements Entry {}

    /** The attached domain, or null while reserved. */
    default @Nullable CoreDomain domain() {
      if (this instanceof Plain plain) {
        return plain.attached;
      }
      if (this instanceof WithHandle with) {
        return CoreDomain.of(with.handle.domain());
      }
      return null;
    }
  }

  /**
   * One attached PASID.
   *
   * @param pasid the index
   * @param domain what is attached
   */
  record Attached(int pasid, CoreDomain domain) {}

  /** Makes the entry for an attach; a handle learns its domain now (CORE-410). */
  static Entry entryFor(CoreDomain domain, @Nullable AttachHandle handle) {
    if (handle == null) {
      return new Entry.Plain(domain);
    }
    handle.attempt(domain.asDomain());
    return new Entry.WithHandle(handle);
  }

  boolean isEmpty() {
    synchronized (lock) {
      return entries.isEmpty();
    }
  }

  @Nullable Entry get(int pasid) {
    synchronized (lock) {
      return entries.get(Integer.toUnsignedLong(pasid));
    }
  }

  /** Takes an index; false if it is occupied. */
  boolean reserve(int pasid) {
    synchronized (lock) {
      return entries.putIfAbsent(Integer.toUnsignedLong(pasid), RESERVED) == null;
    }
  }

  /** Gives an index back that is only reserved. */
  void withdraw(int pasid) {
    synchronized (lock) {
      entries.remove(Integer.toUnsignedLong(pasid), RESERVED);
    }
  }

  /** Fills an index; the domain counts a use, the one that was there loses one. */
  void store(int pasid, Entry entry) {
    CoreDomain now = entry.domain();
    if (now != null) {
      now.use();
    }
    synchronized (lock) {
      entries.put(Integer.toUnsignedLong(pasid), entry);
    }
    count(pasid, now);
  }

  /** Empties an index. */
  void erase(int pasid) {
    synchronized (lock) {
      entries.remove(Integer.toUnsignedLong(pasid));
    }
    count(pasid, null);
  }

  private void count(int pasid, @Nullable CoreDomain now) {
    CoreDomain old;
    synchronized (lock) {
      old = now == null ? counted.remove(pasid) : counted.put(pasid, now);
    }
    if (old != null) {
      old.unuse();
    }
  }

  /** The attached PASIDs from 1 upwards. */
  List<Attached> attached() {
    List<Attached> all = new ArrayList<>();
    synchronized (lock) {
      entries
          .tailMap(1L)
          .forEach(
              (pasid, entry) -> {
                CoreDomain domain = entry.domain();
                if (domain != null) {
                  all.add(new Attached(pasid.intValue(), domain));
                }
              });
    }
    return all;
  }

  /** Every occupied index. */
  List<Integer> indices() {
    synchronized (lock) {
      return entries.keySet().stream().map(Long::intValue).toList();
    }
  }

  /** A copy for observers, by unsigned index. */
  Map<Integer, GroupSnapshot.PasidEntry> snapshot() {
    Map<Integer, GroupSnapshot.PasidEntry> copy = new LinkedHashMap<>();
    synchronized (lock) {
      entries.forEach((pasid, entry) -> copy.put(pasid.intValue(), view(entry)));
    }
    return copy;
  }

  private static GroupSnapshot.PasidEntry view(Entry entry) {
    CoreDomain domain = entry.domain();
    AttachHandle handle = entry instanceof Entry.WithHandle with ? with.handle() : null;
    return new GroupSnapshot.PasidEntry(handle, domain == null ? null : domain.asDomain());
  }
}
