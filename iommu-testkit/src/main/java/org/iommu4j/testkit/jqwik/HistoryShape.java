package org.iommu4j.testkit.jqwik;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.iommu4j.api.DomainGeometry;

/**
 * What histories may look like.
 *
 * @param pageSizes the page sizes of the domain, one bit each
 * @param aperture where mappings may lie
 * @param physical where they may point to
 * @param reserved where no mapping may lie, nor next to it
 * @param maxSteps how many steps there are at most
 * @param misuse whether there are steps that must be refused or do nothing
 */
record HistoryShape(
    long pageSizes,
    IovaRange aperture,
    IovaRange physical,
    List<IovaRange> reserved,
    int maxSteps,
    boolean misuse) {
  /** The addresses of interrupt messages, which DMA never reaches as memory. */
  private static final IovaRange INTERRUPTS = IovaRange.ofSize(0xfee0_0000L, 0x10_0000);

  /** 4 KiB and 2 MiB, 39 bits, the second GiB of memory and the third. */
  static final HistoryShape DEFAULT =
      new HistoryShape(
          1L << 12 | 1L << 21,
          new IovaRange(0, (1L << 39) - 1),
          new IovaRange(0x4000_0000L, 0xbfff_ffffL),
          List.of(INTERRUPTS),
          30,
          false);

  HistoryShape {
    long granule = Long.lowestOneBit(pageSizes);
    if (pageSizes == 0 || granule < Long.BYTES) {
      throw new IllegalArgumentException(
          String.format("page sizes 0x%x: there is none, or one below 8 bytes", pageSizes));
    }
    if (maxSteps < 1) {
      throw new IllegalArgumentException("at most " + maxSteps + " steps are no history");
    }
    requirePages("aperture", aperture, granule);
    requirePages("physical range", physical, granule);
    if (physical.size() <= 0) {
      throw new IllegalArgumentException("physical range " + physical + " is too large");
    }
    reserved = List.copyOf(reserved);
  }

  private static void requirePages(String what, IovaRange range, long granule) {
    if (((range.first() | (range.last() + 1)) & (granule - 1)) != 0) {
      throw new IllegalArgumentException(
          String.format("%s %s is not made of pages of 0x%x bytes", what, range, granule));
    }
  }

  long granule() {
    return Long.lowestOneBit(pageSizes);
  }

  /** The page sizes of which at least one page fits everywhere, ascending; the granule always. */
  long[] usableSizes() {
    return LongStream.iterate(0, bit -> bit < Long.SIZE - 1, bit -> bit + 1)
        .map(bit -> 1L << bit)
        .filter(size -> (pageSizes & size) != 0)
        .filter(size -> size == granule() || size <= physical.size())
        .filter(size -> size == granule() || size - 1 <= aperture.last() - aperture.first())
        .toArray();
  }

  /** Whether a mapping may lie there, as far as it depends on the place alone. */
  boolean admits(IovaRange range) {
    if (!aperture.contains(range)) {
      return false;
    }
    for (IovaRange hole : reserved) {
      if (around(hole).overlaps(range)) {
        return false;
      }
    }
    return true;
  }

  /** A range with a page on each side, as far as there is one. */
  private IovaRange around(IovaRange range) {
    long before = range.first() - granule();
    long after = range.last() + granule();
    return new IovaRange(
        Long.compareUnsigned(before, range.first()) < 0 ? before : 0,
        Long.compareUnsigned(after, range.last()) > 0 ? after : -1L);
  }

  HistoryShape withPageSizes(long sizes) {
    return new HistoryShape(sizes, aperture, physical, reserved, maxSteps, misuse);
  }

  HistoryShape withAperture(DomainGeometry geometry) {
    IovaRange all = new IovaRange(geometry.apertureStart(), geometry.apertureEnd());
    return new HistoryShape(pageSizes, all, physical, reserved, maxSteps, misuse);
  }

  HistoryShape withPhysical(IovaRange range) {
    return new HistoryShape(pageSizes, aperture, range, reserved, maxSteps, misuse);
  }

  HistoryShape withReserved(IovaRange range) {
    List<IovaRange> more = new ArrayList<>(reserved);
    more.add(range);
    return new HistoryShape(pageSizes, aperture, physical, more, maxSteps, misuse);
  }

  HistoryShape withMaxSteps(int steps) {
    return new HistoryShape(pageSizes, aperture, physical, reserved, steps, misuse);
  }

  HistoryShape withMisuse(boolean wanted) {
    return new HistoryShape(pageSizes, aperture, physical, reserved, maxSteps, wanted);
  }
}
