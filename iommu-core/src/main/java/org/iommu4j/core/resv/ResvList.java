package org.iommu4j.core.resv;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.jspecify.annotations.Nullable;

/** The reserved regions of a group: sorted by start and type, merged within a type. */
public final class ResvList {
  private final List<ResvRegion> regions = new ArrayList<>();

  /**
   * Inserts a copy of a region and merges the regions of its type (CORE-706 to 708).
   *
   * @param region its free callback is not copied (CORE-705)
   */
  public void insert(ResvRegion region) {
    ResvRegion copy = ResvRegion.of(region.start(), region.length(), region.prot(), region.type());
    regions.add(placeOf(copy), copy);
    merge(copy.type());
  }

  /**
   * The list.
   *
   * @return a copy
   */
  public List<ResvRegion> toList() {
    return List.copyOf(regions);
  }

  private int placeOf(ResvRegion region) {
    for (int i = 0; i < regions.size(); i++) {
      ResvRegion other = regions.get(i);
      int byStart = Long.compareUnsigned(other.start(), region.start());
      if (byStart > 0 || (byStart == 0 && other.type().compareTo(region.type()) >= 0)) {
        return i;
      }
    }
    return regions.size();
  }

  /** Absorbs each region of the type that touches or overlaps the previous one of the type. */
  private void merge(ResvType type) {
    List<ResvRegion> merged = new ArrayList<>(regions.size());
    int previous = -1;
    for (ResvRegion region : regions) {
      ResvRegion joined = null;
      if (region.type() == type && previous >= 0) {
        joined = join(merged.get(previous), region);
      }
      if (joined != null) {
        merged.set(previous, joined);
        continue;
      }
      merged.add(region);
      if (region.type() == type) {
        previous = merged.size() - 1;
      }
    }
    regions.clear();
    regions.addAll(merged);
  }

  /**
   * The union of two regions, with the protection of the first, or null if there is a gap. Linux
   * computes "one byte after the end" with overflow (CORE-710); here everything is measured from
   * the start of the first region, which is not above the second's, so that a region that ends at
   * the top of the address space and one without any length (CORE-701) are nothing special.
   */
  private static @Nullable ResvRegion join(ResvRegion first, ResvRegion second) {
    long distance = second.start() - first.start();
    if (Long.compareUnsigned(distance, first.length()) > 0) {
      return null;
    }
    long reach = distance + second.length();
    if (Long.compareUnsigned(reach, distance) < 0) {
      // The union would be the whole address space, which has no length.
      return null;
    }
    long length = Long.compareUnsigned(first.length(), reach) > 0 ? first.length() : reach;
    return ResvRegion.of(first.start(), length, first.prot(), first.type());
  }
}
