package org.iommu4j.testkit.vfio;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.testkit.vfio.VfioInfo.IovaWindow;

/** The addresses that are left for mappings once apertures and reserved regions are taken off. */
final class IovaWindows {
  private List<IovaWindow> windows = List.of(new IovaWindow(0, -1L));

  List<IovaWindow> list() {
    return windows;
  }

  boolean contains(long first, long last) {
    return windows.stream().anyMatch(window -> window.contains(first, last));
  }

  void limitTo(DomainGeometry aperture) {
    List<IovaWindow> kept = new ArrayList<>();
    for (IovaWindow window : windows) {
      long start = max(window.start(), aperture.apertureStart());
      long last = min(window.last(), aperture.apertureEnd());
      if (Long.compareUnsigned(start, last) <= 0) {
        kept.add(new IovaWindow(start, last));
      }
    }
    windows = kept;
  }

  /** A relaxable region may be mapped over: the firmware does not need it any more. */
  void exclude(ResvRegion region) {
    if (region.type() == ResvType.DIRECT_RELAXABLE || region.length() == 0) {
      return;
    }
    List<IovaWindow> kept = new ArrayList<>();
    for (IovaWindow window : windows) {
      if (Long.compareUnsigned(region.last(), window.start()) < 0
          || Long.compareUnsigned(window.last(), region.start()) < 0) {
        kept.add(window);
        continue;
      }
      if (Long.compareUnsigned(window.start(), region.start()) < 0) {
        kept.add(new IovaWindow(window.start(), region.start() - 1));
      }
      if (Long.compareUnsigned(region.last(), window.last()) < 0) {
        kept.add(new IovaWindow(region.last() + 1, window.last()));
      }
    }
    windows = kept;
  }

  private static long max(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0 ? a : b;
  }

  private static long min(long a, long b) {
    return Long.compareUnsigned(a, b) <= 0 ? a : b;
  }
}
