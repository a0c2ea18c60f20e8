package org.iommu4j.testkit.jqwik;

import java.util.stream.LongStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Prot;

/** What property tests of IOMMU drivers and their users draw from. */
public final class IommuArbitraries {
  private static final long MAX_PAGES = 1L << 20;

  private IommuArbitraries() {}

  /**
   * One of several page sizes; shrinks to the smallest.
   *
   * @param bitmap one bit each, not 0
   * @return sizes in bytes
   * @throws IllegalArgumentException if there is none
   */
  public static Arbitrary<Long> pageSizes(long bitmap) {
    if (bitmap == 0) {
      throw new IllegalArgumentException("there is no page size");
    }
    Long[] sizes =
        LongStream.range(0, Long.SIZE)
            .map(bit -> bitmap & 1L << bit)
            .filter(size -> size != 0)
            .boxed()
            .toArray(Long[]::new);
    return Arbitraries.of(sizes);
  }

  /**
   * Protection bits that a device can do something with: read and write, read only or write only.
   *
   * @return {@link Prot} bits
   */
  public static Arbitrary<Integer> prots() {
    return Arbitraries.of(Prot.RW, Prot.READ, Prot.WRITE);
  }

  /**
   * Ranges of whole pages in an aperture: at its start, at its end or anywhere, mostly small, of
   * 2<sup>20</sup> pages at most; shrinks to the first page of the aperture.
   *
   * @param aperture where the ranges lie
   * @param pageSize bytes, a power of two of at least 8
   * @return ranges that lie in the aperture and are aligned to the page size
   * @throws IllegalArgumentException if the page size is none or no page fits
   */
  public static Arbitrary<IovaRange> ranges(DomainGeometry aperture, long pageSize) {
    if (Long.bitCount(pageSize) != 1 || pageSize < Long.BYTES) {
      throw new IllegalArgumentException(String.format("0x%x is no page size", pageSize));
    }
    long first = Long.divideUnsigned(aperture.apertureStart() + pageSize - 1, pageSize);
    boolean reachesPage =
        Long.compareUnsigned(aperture.apertureStart() + pageSize - 1, aperture.apertureStart())
            >= 0;
    long shortOfPage =
        Long.remainderUnsigned(aperture.apertureEnd(), pageSize) == pageSize - 1 ? 0 : 1;
    long last = Long.divideUnsigned(aperture.apertureEnd(), pageSize) - shortOfPage;
    if (!reachesPage || last < first) {
      throw new IllegalArgumentException(
          String.format("no page of 0x%x bytes fits in %s", pageSize, aperture));
    }
    long pages = last - first + 1;
    long most = Math.min(pages, MAX_PAGES);
    Arbitrary<Long> counts =
        Arbitraries.frequencyOf(
            Tuple.of(4, Arbitraries.longs().between(1, Math.min(most, 8))),
            Tuple.of(1, Arbitraries.longs().between(1, most)));
    Arbitrary<Long> places =
        Arbitraries.frequencyOf(
            Tuple.of(1, Arbitraries.longs().between(0, Math.min(pages - 1, 8))),
            Tuple.of(1, Arbitraries.longs().between(Math.max(pages - 8, 0), pages - 1)),
            Tuple.of(2, Arbitraries.longs().between(0, pages - 1)));
    return Combinators.combine(places, counts)
        .as(
            (place, count) -> {
              long at = Math.min(place, pages - count);
              return IovaRange.ofSize((first + at) * pageSize, count * pageSize);
            });
  }

  /**
   * Histories of maps, unmaps and DMA, for {@link DmaHistory#run}.
   *
   * @return histories for a domain with pages of 4 KiB and 2 MiB and 39 address bits, unless told
   *     otherwise
   */
  public static DmaHistoryArbitrary dmaHistories() {
    return new DmaHistoryArbitrary();
  }
}
