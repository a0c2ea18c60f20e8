package org.iommu4j.core.resv;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.junit.jupiter.api.Test;

/** The sorted, merged list of reserved regions. */
final class ResvListProperties {
  private static final long PAGE = 0x1000;

  private static ResvRegion region(ResvType type, long start, long length) {
    return ResvRegion.of(start, length, 3, type);
  }

  private static List<String> texts(ResvRegion... regions) {
    ResvList list = new ResvList();
    for (ResvRegion region : regions) {
      list.insert(region);
    }
    return list.toList().stream()
        .map(r -> String.format("%s %x-%x", r.type().sysfsName(), r.start(), r.last()))
        .toList();
  }

  // ---- the vectors ----

  @Test // CORE-709
  void adjacentRegionsBecomeOne() {
    assertThat(texts(region(ResvType.DIRECT, 0x1000, PAGE), region(ResvType.DIRECT, 0x2000, PAGE)))
        .containsExactly("direct 1000-2fff");
  }

  @Test // CORE-709
  void inAnyOrder() {
    assertThat(
            texts(
                region(ResvType.DIRECT, 0x3000, PAGE),
                region(ResvType.DIRECT, 0x1000, PAGE),
                region(ResvType.DIRECT, 0x2000, PAGE)))
        .containsExactly("direct 1000-3fff");
  }

  @Test // CORE-709, CORE-708
  void typesNeverMerge() {
    ResvRegion direct = region(ResvType.DIRECT, 0x1000, PAGE);
    ResvRegion reserved = region(ResvType.RESERVED, 0x1000, PAGE);
    assertThat(texts(direct, reserved)).containsExactly("direct 1000-1fff", "reserved 1000-1fff");
    assertThat(texts(reserved, direct)).containsExactly("direct 1000-1fff", "reserved 1000-1fff");
    assertThat(texts(region(ResvType.SW_MSI, 0x1000, PAGE), region(ResvType.MSI, 0x1000, PAGE)))
        .containsExactly("msi 1000-1fff", "msi 1000-1fff");
  }

  @Test // CORE-709, CORE-707
  void regionsOfOtherTypesDoNotStandInBetween() {
    assertThat(
            texts(
                region(ResvType.DIRECT, 0x1000, 4 * PAGE),
                region(ResvType.RESERVED, 0x2000, PAGE),
                region(ResvType.DIRECT, 0x5000, PAGE)))
        .containsExactly("direct 1000-5fff", "reserved 2000-2fff");
  }

  @Test // CORE-707: a gap of one byte separates
  void aGapSeparates() {
    assertThat(texts(region(ResvType.MSI, 0x1000, 0xfff), region(ResvType.MSI, 0x2000, PAGE)))
        .containsExactly("msi 1000-1ffe", "msi 2000-2fff");
  }

  @Test // CORE-708
  void theEarlierProtectionStays() {
    ResvList list = new ResvList();
    list.insert(ResvRegion.of(0x2000, PAGE, 1, ResvType.DIRECT));
    list.insert(ResvRegion.of(0x1000, PAGE, 7, ResvType.DIRECT));
    assertThat(list.toList()).extracting(ResvRegion::prot).containsExactly(7);
  }

  @Test // CORE-705
  void theFreeCallbackIsNotCopied() {
    List<String> freed = new ArrayList<>();
    ResvList list = new ResvList();
    list.insert(region(ResvType.MSI, 0x1000, PAGE).withFree(device -> freed.add("free")));
    list.toList().get(0).release(org.iommu4j.api.PlatformDevice.builder("d").build());
    assertThat(freed).isEmpty();
  }

  @Test // CORE-710: a region that ends at the top of the address space
  void theTopOfTheAddressSpace() {
    assertThat(
            texts(
                region(ResvType.RESERVED, -2 * PAGE, 2 * PAGE),
                region(ResvType.RESERVED, -PAGE, PAGE)))
        .containsExactly("reserved ffffffffffffe000-ffffffffffffffff");
    assertThat(
            texts(region(ResvType.RESERVED, -PAGE, PAGE), region(ResvType.RESERVED, 0x1000, PAGE)))
        .containsExactly("reserved 1000-1fff", "reserved fffffffffffff000-ffffffffffffffff");
  }

  @Test // CORE-701, CORE-710: a region without length swallows nobody
  void aRegionWithoutLength() {
    ResvList list = new ResvList();
    list.insert(region(ResvType.RESERVED, 0, 0));
    list.insert(region(ResvType.RESERVED, 0x5000, PAGE));
    assertThat(list.toList()).extracting(ResvRegion::start).containsExactly(0L, 0x5000L);
    list.insert(region(ResvType.RESERVED, 0x9000, 0));
    list.insert(region(ResvType.RESERVED, 0x6000, 0));
    assertThat(list.toList())
        .extracting(ResvRegion::start, ResvRegion::length)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(0L, 0L),
            org.assertj.core.groups.Tuple.tuple(0x5000L, PAGE),
            org.assertj.core.groups.Tuple.tuple(0x9000L, 0L));
  }

  // ---- the properties ----

  @Provide
  Arbitrary<List<ResvRegion>> regions() {
    Arbitrary<Long> place =
        Arbitraries.oneOf(Arbitraries.longs().between(0, 40), Arbitraries.longs().between(-40, -1));
    return Combinators.combine(
            place, Arbitraries.longs().between(1, 12), Arbitraries.of(ResvType.values()))
        .as(Tuple::of)
        .map(t -> region(t.get3(), t.get1() * 8, clip(t.get1() * 8, t.get2() * 8)))
        .list()
        .ofMaxSize(12);
  }

  /** As much of a length as the address space has room for. */
  private static long clip(long start, long length) {
    return Long.compareUnsigned(start + length - 1, start) < 0 ? -start : length;
  }

  // CORE-706: ordered by start, then by type
  @Property
  void theListIsSorted(@ForAll("regions") List<ResvRegion> regions) {
    List<ResvRegion> sorted = insertAll(regions);
    for (int i = 1; i < sorted.size(); i++) {
      ResvRegion before = sorted.get(i - 1);
      ResvRegion after = sorted.get(i);
      int byStart = Long.compareUnsigned(before.start(), after.start());
      assertThat(byStart < 0 || (byStart == 0 && before.type().compareTo(after.type()) <= 0))
          .as("%s before %s", before, after)
          .isTrue();
    }
  }

  private static List<ResvRegion> insertAll(List<ResvRegion> regions) {
    ResvList list = new ResvList();
    regions.forEach(list::insert);
    return list.toList();
  }

  // CORE-707, CORE-710: per type the list covers exactly the same bytes, in maximal pieces
  @Property
  void eachTypeCoversTheSameBytesInMaximalPieces(@ForAll("regions") List<ResvRegion> regions) {
    List<ResvRegion> merged = insertAll(regions);
    for (ResvType type : ResvType.values()) {
      assertThat(pieces(merged, type)).as(type.name()).isEqualTo(model(regions, type));
    }
  }

  private static List<String> pieces(List<ResvRegion> regions, ResvType type) {
    return regions.stream()
        .filter(region -> region.type() == type)
        .map(region -> unsigned(region.start()) + "+" + unsigned(region.length()))
        .toList();
  }

  /** Runs of neighbouring bytes, by a set of every byte in units of eight. */
  private static List<String> model(List<ResvRegion> regions, ResvType type) {
    TreeSet<BigInteger> units = new TreeSet<>();
    for (ResvRegion region : regions) {
      for (long i = 0; region.type() == type && i < region.length(); i += 8) {
        units.add(unsigned(region.start()).add(BigInteger.valueOf(i)));
      }
    }
    BigInteger eight = BigInteger.valueOf(8);
    List<String> runs = new ArrayList<>();
    BigInteger start = null;
    BigInteger next = null;
    for (BigInteger unit : units) {
      if (start == null || !unit.equals(next)) {
        if (start != null && next != null) {
          runs.add(start + "+" + next.subtract(start));
        }
        start = unit;
      }
      next = unit.add(eight);
    }
    if (start != null && next != null) {
      runs.add(start + "+" + next.subtract(start));
    }
    return runs;
  }

  private static BigInteger unsigned(long value) {
    return new BigInteger(Long.toUnsignedString(value));
  }

  // CORE-706, CORE-709: the outcome does not depend on the order of insertion
  @Property
  void theOrderOfInsertionDoesNotMatter(
      @ForAll("regions") List<ResvRegion> regions, @ForAll java.util.Random random) {
    List<ResvRegion> shuffled = new ArrayList<>(regions);
    java.util.Collections.shuffle(shuffled, random);
    assertThat(insertAll(shuffled).stream().map(ResvRegion::toString))
        .isEqualTo(insertAll(regions).stream().map(ResvRegion::toString).toList());
  }
}
