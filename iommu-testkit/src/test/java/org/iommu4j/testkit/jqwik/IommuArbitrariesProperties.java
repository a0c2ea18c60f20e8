package org.iommu4j.testkit.jqwik;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Prot;

/** What is made up keeps to what was asked for. */
class IommuArbitrariesProperties {
  private static final long PAGE_SIZES = 1L << 12 | 1L << 21 | 1L << 30;
  private static final IovaRange INTERRUPTS = IovaRange.ofSize(0xfee0_0000L, 0x10_0000);

  /** A place for ranges, and a range that was drawn for it. */
  record Drawn(DomainGeometry aperture, long pageSize, IovaRange range) {}

  @Provide
  Arbitrary<Drawn> ranges() {
    Arbitrary<DomainGeometry> apertures =
        Arbitraries.of(
            DomainGeometry.FULL,
            DomainGeometry.ofBits(12),
            DomainGeometry.ofBits(48),
            new DomainGeometry(0x1_2345, 0x9_8765, true),
            new DomainGeometry(-0x8000L, -1L, true));
    return Combinators.combine(apertures, IommuArbitraries.pageSizes(1L << 12 | 1L << 9))
        .flatAs(
            (aperture, pageSize) ->
                IommuArbitraries.ranges(aperture, pageSize)
                    .map(range -> new Drawn(aperture, pageSize, range)));
  }

  @Property
  void rangesAreWholePagesOfTheAperture(@ForAll("ranges") Drawn drawn) {
    IovaRange all = new IovaRange(drawn.aperture().apertureStart(), drawn.aperture().apertureEnd());
    assertThat(all.contains(drawn.range())).isTrue();
    assertThat(drawn.range().first() % drawn.pageSize()).isZero();
    assertThat(drawn.range().size() % drawn.pageSize()).isZero();
    assertThat(drawn.range().size()).isPositive();
  }

  @Example
  void refusesWhatHasNoAnswer() {
    assertThatIllegalArgumentException().isThrownBy(() -> IommuArbitraries.pageSizes(0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> IommuArbitraries.ranges(DomainGeometry.FULL, 0x3000))
        .withMessageContaining("0x3000");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> IommuArbitraries.ranges(new DomainGeometry(0x1800, 0x2fff - 1, true), 0x1000))
        .withMessageContaining("no page of 0x1000 bytes");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> IommuArbitraries.ranges(new DomainGeometry(-0x800, -1, true), 0x1000));
    DmaHistoryArbitrary histories = IommuArbitraries.dmaHistories();
    assertThatIllegalArgumentException().isThrownBy(() -> histories.pageSizes(0));
    assertThatIllegalArgumentException().isThrownBy(() -> histories.pageSizes(4));
    assertThatIllegalArgumentException().isThrownBy(() -> histories.maxSteps(0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> histories.aperture(new DomainGeometry(0, 0x1ffe, true)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> histories.physical(IovaRange.ofSize(0x1800, 0x1000)));
    assertThatIllegalArgumentException().isThrownBy(() -> histories.physical(new IovaRange(0, -1)));
  }

  @Provide
  Arbitrary<Integer> prots() {
    return IommuArbitraries.prots();
  }

  @Property
  void protsAllowSomething(@ForAll("prots") int prot) {
    assertThat(prot & Prot.RW).isNotZero().isEqualTo(prot);
  }

  @Provide
  Arbitrary<DmaHistory> proper() {
    return IommuArbitraries.dmaHistories()
        .pageSizes(PAGE_SIZES)
        .aperture(DomainGeometry.ofBits(34))
        .reserve(IovaRange.ofSize(0x20_0000, 0x20_0000))
        .maxSteps(20);
  }

  @Property
  void historiesKeepToTheContract(@ForAll("proper") DmaHistory history) {
    assertThat(history.steps().size()).isLessThanOrEqualTo(20);
    MappingModel model = new MappingModel();
    for (DmaHistory.Step step : history.steps()) {
      if (step instanceof DmaHistory.Map map) {
        requireGood(map, DomainGeometry.ofBits(34));
        model.map(map.range(), map.paddr(), map.prot());
      } else if (step instanceof DmaHistory.Unmap unmap) {
        assertThat(model.unmap(unmap.range())).isEqualTo(unmap.size());
      } else if (step instanceof DmaHistory.Read read) {
        requireReachable(read.iova(), DomainGeometry.ofBits(34));
      } else if (step instanceof DmaHistory.Write write) {
        requireReachable(write.iova(), DomainGeometry.ofBits(34));
      }
    }
  }

  private static void requireGood(DmaHistory.Map map, DomainGeometry aperture) {
    IovaRange all = new IovaRange(aperture.apertureStart(), aperture.apertureEnd());
    assertThat(all.contains(map.range())).isTrue();
    assertThat((map.iova() | map.paddr() | map.size()) & 0xfff).isZero();
    IovaRange physical = new IovaRange(0x4000_0000L, 0xbfff_ffffL);
    assertThat(physical.contains(IovaRange.ofSize(map.paddr(), map.size()))).isTrue();
    assertThat(map.range().overlaps(IovaRange.ofSize(0x1f_f000, 0x20_2000))).isFalse();
    assertThat(map.range().overlaps(INTERRUPTS)).isFalse();
    assertThat(map.prot() & Prot.RW).isNotZero();
  }

  private static void requireReachable(long iova, DomainGeometry aperture) {
    assertThat(Long.compareUnsigned(iova, aperture.apertureEnd())).isLessThan(0);
    assertThat(INTERRUPTS.contains(iova)).isFalse();
  }

  @Provide
  Arbitrary<DmaHistory> tight() {
    return IommuArbitraries.dmaHistories()
        .pageSizes(1L << 12 | 1L << 21)
        .aperture(new DomainGeometry(-0x3000L, -1L, true))
        .physical(IovaRange.ofSize(0x1000, 0x2000))
        .misuse(true);
  }

  /** Three pages at the end of the address space, and two of memory. */
  @Property
  void tightPlacesAreNoTrouble(@ForAll("tight") DmaHistory history) {
    MappingModel model = new MappingModel();
    for (DmaHistory.Step step : history.steps()) {
      if (step instanceof DmaHistory.Map map) {
        assertThat(Long.compareUnsigned(map.iova(), -0x3000L)).isGreaterThanOrEqualTo(0);
        assertThat(map.size()).isLessThanOrEqualTo(0x2000);
        assertThat(map.paddr()).isBetween(0x1000L, 0x3000 - map.size());
        if (model.firstIn(map.range()) == null) {
          model.map(map.range(), map.paddr(), map.prot());
        }
      } else if (step instanceof DmaHistory.Unmap unmap) {
        assertThat(model.unmap(unmap.range())).isIn(0L, unmap.size());
      }
    }
  }

  /** Everything that can happen does happen soon. */
  @Example
  void historiesAreVaried(@ForAll("misuse") List<DmaHistory> histories) {
    Set<String> seen = new HashSet<>();
    for (DmaHistory history : histories) {
      MappingModel model = new MappingModel();
      Set<Long> gone = new HashSet<>();
      for (DmaHistory.Step step : history.steps()) {
        if (step instanceof DmaHistory.Map map) {
          boolean free = model.firstIn(map.range()) == null;
          seen.add(free ? (gone.contains(map.iova()) ? "map again" : "map") : "map on top");
          if (free) {
            model.map(map.range(), map.paddr(), map.prot());
          }
        } else if (step instanceof DmaHistory.Unmap unmap) {
          MappingModel.Mapping first = model.at(unmap.iova());
          boolean several = first != null && first.range().size() != unmap.size();
          seen.add(
              model.unmap(unmap.range()) == 0 ? "unmap hole" : several ? "unmap several" : "unmap");
          gone.add(unmap.iova());
        } else if (step instanceof DmaHistory.Read read) {
          seen.add(model.at(read.iova()) == null ? "read hole" : "read");
        } else if (step instanceof DmaHistory.Write write) {
          seen.add(model.at(write.iova()) == null ? "write hole" : "write");
        }
      }
    }
    assertThat(seen)
        .containsExactlyInAnyOrder(
            "map",
            "map again",
            "map on top",
            "unmap",
            "unmap several",
            "unmap hole",
            "read",
            "read hole",
            "write",
            "write hole");
  }

  @Provide
  Arbitrary<List<DmaHistory>> misuse() {
    return IommuArbitraries.dmaHistories().misuse(true).list().ofSize(200);
  }
}
