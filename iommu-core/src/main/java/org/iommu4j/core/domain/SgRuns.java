package org.iommu4j.core.domain;

import java.util.List;
import org.iommu4j.api.SgSegment;

/**
 * Cuts a scatter-gather list into runs of physically adjacent pieces (CORE-520).
 *
 * <p>A run ends when the next piece, or the end of the list, breaks it. A bus address takes no part
 * but may break a run. As in Linux a run is lost if the last piece, being a bus address or empty,
 * begins exactly where the run ends (CORE-523).
 */
final class SgRuns {
  private SgRuns() {}

  /** What is done with a run. */
  @FunctionalInterface
  interface Visitor {
    /**
     * Takes one run.
     *
     * @param offset bytes in all runs before it
     * @param start its physical address
     * @param length bytes, not zero
     */
    void run(long offset, long start, long length);
  }

  /**
   * Visits the runs in order.
   *
   * @return bytes in all runs
   */
  static long forEach(List<SgSegment> segments, Visitor visitor) {
    long done = 0;
    long start = 0;
    long length = 0;
    for (SgSegment segment : segments) {
      long at = segment.physicalAddress();
      if (length != 0 && at != start + length) {
        visitor.run(done, start, length);
        done += length;
        length = 0;
      }
      if (!segment.busAddress()) {
        start = length == 0 ? at : start;
        length += segment.length();
      }
    }
    long last = segments.get(segments.size() - 1).physicalAddress();
    if (length != 0 && last != start + length) {
      visitor.run(done, start, length);
      done += length;
    }
    return done;
  }
}
