package org.iommu4j.testkit.jqwik;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;
import net.jqwik.api.arbitraries.ArbitraryDecorator;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.testkit.jqwik.RawStep.Anchor;
import org.iommu4j.testkit.jqwik.RawStep.Extent;
import org.iommu4j.testkit.jqwik.RawStep.Place;
import org.iommu4j.testkit.jqwik.RawStep.RawAccess;
import org.iommu4j.testkit.jqwik.RawStep.RawMap;
import org.iommu4j.testkit.jqwik.RawStep.RawUnmap;

/**
 * Makes up histories of maps, unmaps and DMA that keep to the contract of a domain: nothing is
 * mapped twice, and an unmap covers whole mappings (CORE-512, CORE-535).
 *
 * <p>Mappings crowd around a few places, so that they share and empty page tables; they meet
 * without gaps, and come back where others were. Accesses go to mappings, to what was unmapped just
 * before, and next to mappings. A failing history shrinks to few steps with simple numbers.
 *
 * <p>Each method returns a changed copy.
 */
public final class DmaHistoryArbitrary extends ArbitraryDecorator<DmaHistory> {
  private HistoryShape shape = HistoryShape.DEFAULT;

  DmaHistoryArbitrary() {}

  private DmaHistoryArbitrary with(HistoryShape changed) {
    DmaHistoryArbitrary copy = typedClone();
    copy.shape = changed;
    return copy;
  }

  /**
   * Sets the page sizes of the domain: ranges are made of pages of all these sizes.
   *
   * @param bitmap one bit each, as {@link PagingDomain#pageSizes}; 4 KiB and 2 MiB by default
   * @return a changed copy
   * @throws IllegalArgumentException if there is none, or one below 8 bytes
   */
  public DmaHistoryArbitrary pageSizes(long bitmap) {
    return with(shape.withPageSizes(bitmap));
  }

  /**
   * Sets where mappings may lie.
   *
   * @param geometry as {@link PagingDomain#geometry}; 39 bits by default
   * @return a changed copy
   * @throws IllegalArgumentException if it is not made of whole pages
   */
  public DmaHistoryArbitrary aperture(DomainGeometry geometry) {
    return with(shape.withAperture(geometry));
  }

  /**
   * Sets which memory mappings point to. Devices write there: page tables must lie elsewhere.
   *
   * @param range 0x40000000 to 0xbfffffff by default
   * @return a changed copy
   * @throws IllegalArgumentException if it is not made of whole pages
   */
  public DmaHistoryArbitrary physical(IovaRange range) {
    return with(shape.withPhysical(range));
  }

  /**
   * Keeps mappings and accesses away from a range, and from the page on each side of it.
   *
   * @param range in addition to that of interrupt messages, 0xfee00000 to 0xfeefffff
   * @return a changed copy
   */
  public DmaHistoryArbitrary reserve(IovaRange range) {
    return with(shape.withReserved(range));
  }

  /**
   * Sets how long histories are.
   *
   * @param steps at most this many, 30 by default
   * @return a changed copy
   * @throws IllegalArgumentException if it is not positive
   */
  public DmaHistoryArbitrary maxSteps(int steps) {
    return with(shape.withMaxSteps(steps));
  }

  /**
   * Sets whether consumers make mistakes that have a clear answer: maps over mappings, which must
   * be refused and change nothing, and unmaps where nothing is mapped, which must remove nothing.
   *
   * @param wanted false by default: the core leaves such mistakes to drivers
   * @return a changed copy
   */
  public DmaHistoryArbitrary misuse(boolean wanted) {
    return with(shape.withMisuse(wanted));
  }

  @Override
  protected Arbitrary<DmaHistory> arbitrary() {
    HistoryShape wanted = shape;
    Arbitrary<RawStep> step =
        Arbitraries.frequencyOf(Tuple.of(3, maps()), Tuple.of(2, unmaps()), Tuple.of(5, accesses()))
            .withoutEdgeCases();
    Arbitrary<List<RawStep>> steps = step.list().ofMinSize(1).ofMaxSize(wanted.maxSteps());
    return Combinators.combine(anchors().list().ofMinSize(1).ofMaxSize(3), steps)
        .as((places, choices) -> HistoryPlanner.plan(wanted, places, choices))
        .withoutEdgeCases();
  }

  private static Arbitrary<Anchor> anchors() {
    return Combinators.combine(upTo(2), Arbitraries.longs().greaterOrEqual(0)).as(Anchor::new);
  }

  private static Arbitrary<RawStep> maps() {
    Arbitrary<Integer> kind =
        Arbitraries.frequency(
            Tuple.of(3, 0), Tuple.of(3, 1), Tuple.of(3, 2), Tuple.of(2, 3), Tuple.of(1, 4));
    Arbitrary<Integer> skip = mostly(upTo(2), upTo(511));
    Arbitrary<Integer> tail = mostly(upTo(0), upTo(3));
    Arbitrary<Place> place = Combinators.combine(kind, upTo(7), skip).as(Place::new);
    Arbitrary<Extent> extent = Combinators.combine(upTo(3), upTo(3), tail).as(Extent::new);
    Arbitrary<Integer> prot = Arbitraries.frequency(Tuple.of(3, 0), Tuple.of(1, 1), Tuple.of(1, 2));
    return Combinators.combine(place, extent, upTo(999), chance(), prot).as(RawMap::new);
  }

  private static Arbitrary<RawStep> unmaps() {
    return Combinators.combine(upTo(15), upTo(3), chance()).as(RawUnmap::new);
  }

  private static Arbitrary<RawStep> accesses() {
    Arbitrary<Integer> place =
        Arbitraries.frequency(Tuple.of(5, 0), Tuple.of(4, 1), Tuple.of(1, 2), Tuple.of(1, 3));
    return Combinators.combine(
            place,
            upTo(7),
            upTo(2),
            Arbitraries.longs().between(0, 1L << 28),
            Arbitraries.of(false, true),
            Arbitraries.integers().between(1, Integer.MAX_VALUE))
        .as(RawAccess::new);
  }

  /** One choice three times in four, otherwise the other. */
  private static Arbitrary<Integer> mostly(Arbitrary<Integer> common, Arbitrary<Integer> rare) {
    return Arbitraries.frequencyOf(Tuple.of(3, common), Tuple.of(1, rare));
  }

  /** True one time in four. */
  private static Arbitrary<Boolean> chance() {
    return Arbitraries.frequency(Tuple.of(3, false), Tuple.of(1, true));
  }

  private static Arbitrary<Integer> upTo(int last) {
    return Arbitraries.integers().between(0, last);
  }
}
