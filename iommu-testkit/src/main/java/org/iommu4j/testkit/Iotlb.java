package org.iommu4j.testkit;

import java.util.Arrays;
import org.iommu4j.api.FaultAccess;
import org.jspecify.annotations.Nullable;

/**
 * A cache of translations that forgets only what it is told to, or what it has no room for, in
 * turn. Fully associative and deterministic. Not thread-safe: its owner locks.
 *
 * <p>A small page stays cached when a large one that covers it arrives: which of the two answers is
 * then as undefined as in real hardware, here it is the one in the lower place.
 */
final class Iotlb {
  private final @Nullable Translation[] places;
  private int victim;

  /**
   * Creates an empty cache.
   *
   * @param capacity places, 0 for hardware that caches nothing
   */
  Iotlb(int capacity) {
    places = new @Nullable Translation[capacity];
  }

  /** A translation that serves an access by itself, or null. */
  @Nullable Translation find(int domain, long iova, FaultAccess access) {
    for (Translation place : places) {
      if (place != null && place.covers(domain, iova) && place.serves(access)) {
        return place;
      }
    }
    return null;
  }

  /** Takes a translation up, in place of an older one of the same page. */
  void insert(Translation translation) {
    int free = -1;
    for (int i = 0; i < places.length; i++) {
      Translation place = places[i];
      if (place == null) {
        free = free < 0 ? i : free;
      } else if (place.samePage(translation)) {
        places[i] = translation;
        return;
      }
    }
    if (free >= 0) {
      places[free] = translation;
    } else if (places.length > 0) {
      places[victim] = translation;
      victim = (victim + 1) % places.length;
    }
  }

  /** Drops what overlaps a range of a domain. */
  void dropRange(int domain, long first, long last) {
    for (int i = 0; i < places.length; i++) {
      Translation place = places[i];
      if (place != null && place.domain() == domain && place.overlaps(first, last)) {
        places[i] = null;
      }
    }
  }

  /** Drops a domain. */
  void dropDomain(int domain) {
    dropRange(domain, 0, -1L);
  }

  /** Drops everything. */
  void dropAll() {
    Arrays.fill(places, null);
  }

  int size() {
    int count = 0;
    for (Translation place : places) {
      count += place == null ? 0 : 1;
    }
    return count;
  }
}
