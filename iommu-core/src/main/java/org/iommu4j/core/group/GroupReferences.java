package org.iommu4j.core.group;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How many references a group has, and how many of them belong to its members, which consumers must
 * not drop (CORE-026, CORE-027). Thread-safe without a lock.
 *
 * <pre>
 *  63            32 31             0
 * +----------------+----------------+
 * |  of members    |      all       |
 * +----------------+----------------+
 * </pre>
 *
 * Both counts are one word: read one after the other, a device that joins between the two reads
 * would make the reference of a consumer look like one of a member.
 */
final class GroupReferences {
  private static final long ONE = 1;
  private static final long ONE_OF_MEMBERS = 1L << Integer.SIZE;

  /** What became of a consumer's attempt to drop a reference. */
  enum Dropped {
    /** Others are left. */
    DONE,
    /** It was the last one: the group ends. */
    LAST,
    /** There was none: the group has ended. */
    GONE,
    /** Those that are left belong to members. */
    REFUSED
  }

  private final AtomicLong counts = new AtomicLong(ONE);

  /** All references; none means that the group has ended. */
  int all() {
    return all(counts.get());
  }

  /** Whether somebody besides the members holds a reference. */
  boolean exceedMembers() {
    long now = counts.get();
    return all(now) > ofMembers(now);
  }

  /** Takes a reference, unless the group has ended. */
  boolean tryTake() {
    long now;
    do {
      now = counts.get();
      if (all(now) == 0) {
        return false;
      }
    } while (!counts.compareAndSet(now, now + ONE));
    return true;
  }

  /** Drops a reference of a consumer. */
  Dropped drop() {
    long now;
    do {
      now = counts.get();
      if (all(now) == 0) {
        return Dropped.GONE;
      }
      if (all(now) <= ofMembers(now)) {
        return Dropped.REFUSED;
      }
    } while (!counts.compareAndSet(now, now - ONE));
    return all(now) == 1 ? Dropped.LAST : Dropped.DONE;
  }

  /** A reference that is held already becomes one of a member. */
  void adopt() {
    counts.addAndGet(ONE_OF_MEMBERS);
  }

  /**
   * Drops the reference of a member.
   *
   * @return whether it was the last one
   */
  boolean dropOfMember() {
    return all(counts.addAndGet(-ONE_OF_MEMBERS - ONE)) == 0;
  }

  private static int all(long counts) {
    return (int) counts;
  }

  private static int ofMembers(long counts) {
    return (int) (counts >>> Integer.SIZE);
  }
}
