package org.iommu4j.tests.pgtable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.BitSet;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.WalkedPage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The tests that Linux runs on each of its formats, on each of ours (PTG-028 to PTG-030): what the
 * table says and what the hardware finds is compared after every step, and no page leaks.
 */
class FormatMatrixTest {
  private static final String ALL = "org.iommu4j.tests.pgtable.TableKind#all";
  private static final long PADDR = 0x1_0000_0000L;
  private static final long K4 = 1L << 12;
  private static final long M2 = 1L << 21;
  private static final long G1 = 1L << 30;

  /** PTG-008, PTA-006, PTR-002, PTR-005, PTL-002: written down, not computed. */
  private static final Map<String, Long> SIZES =
      Map.ofEntries(
          Map.entry("AMD_GROWING", 0xf_ff7f_ffff_f000L),
          Map.entry("AMD_FULL", 0xf_ff7f_ffff_f000L),
          Map.entry("AMD_32", 0x7fff_f000L),
          Map.entry("AMD_ENCRYPTED", 0x7f7f_ffff_f000L),
          Map.entry("VTD_39", 0x4020_1000L),
          Map.entry("VTD_48", 0x4020_1000L),
          Map.entry("VTD_57", 0x4020_1000L),
          Map.entry("VTD_48_NO_SNOOP", 0x4020_1000L),
          Map.entry("X86_48", 0x4020_1000L),
          Map.entry("X86_57", 0x4020_1000L),
          Map.entry("X86_47", 0x4020_1000L),
          Map.entry("X86_56", 0x4020_1000L),
          Map.entry("X86_47_ENCRYPTED", 0x4020_1000L),
          Map.entry("SV39", 0x4021_1000L),
          Map.entry("SV48", 0x80_4020_1000L),
          Map.entry("SV57", 0x1_0080_4021_1000L),
          Map.entry("SV39X4", 0x4021_1000L),
          Map.entry("SV48X4", 0x80_4020_1000L),
          Map.entry("SV57X4", 0x1_0080_4021_1000L));

  private static long sizes(TableKind kind) {
    Long generic = SIZES.get(kind.name());
    if (generic != null) {
      return generic;
    }
    return kind.name().contains("_4K")
        ? 0x4020_1000L
        : kind.name().contains("16K")
            ? 0x200_4000L
            : kind.name().contains("52") ? 0x400_2001_0000L : 0x2001_0000L;
  }

  /** Frees it all; a page that is left has leaked. */
  private static void end(TableRig rig) {
    rig.free();
    assertThat(rig.memory().allocatedPages()).as("leaked tables").isZero();
  }

  /** The highest address of the (lower half of the) input range. */
  private static long last(TableRig rig) {
    int bits = rig.canonical() ? rig.inputBits() - 1 : rig.inputBits();
    return bits == 64 ? -1L : (1L << bits) - 1;
  }

  private static void assertNothingAt(TableRig rig, long iova) {
    assertThat(rig.translate(iova)).as("translation of 0x%x", iova).isZero();
    assertThat(rig.walk(iova)).as("walk to 0x%x", iova).isNull();
  }

  /** A readable and writable leaf of just that size, at its first, its last and an odd address. */
  private static void assertLeaf(TableRig rig, long iova, long paddr, long size) {
    for (long offset : new long[] {0, size - 1, size / 2, size / 3}) {
      assertThat(rig.translate(iova + offset))
          .as("translation of 0x%x", iova + offset)
          .isEqualTo(paddr + offset);
      assertThat(rig.walk(iova + offset))
          .as("walk to 0x%x", iova + offset)
          .isEqualTo(new WalkedPage(paddr + offset, size, true, true));
    }
  }

  private static Iterable<Long> each(long sizes) {
    return () -> BitSet.valueOf(new long[] {sizes}).stream().mapToObj(bit -> 1L << bit).iterator();
  }

  // PTG-008, PTG-028: initial state
  @ParameterizedTest
  @MethodSource(ALL)
  void aNewTableHasItsSizesAndTranslatesNothing(TableKind kind) {
    TableRig rig = kind.rig();
    assertThat(rig.pageSizes()).isEqualTo(sizes(kind));
    for (long iova : new long[] {0, 1, K4, G1, last(rig), last(rig) / 3, -1L}) {
      assertNothingAt(rig, iova);
    }
    assertThat(rig.leafEntries()).isZero();
    end(rig);
  }

  // PTG-028: maximum address; PTG-024, PTL-012: one more is out of range
  @ParameterizedTest
  @MethodSource(ALL)
  void theLastPageOfTheInputRangeIsMappedAndNoneBeyond(TableKind kind) {
    TableRig rig = kind.rig();
    long page = rig.smallestPage();
    long first = last(rig) - page + 1;
    assertThat(rig.mapRange(first, PADDR, page, Prot.RW)).isNull();
    assertLeaf(rig, first, PADDR, page);
    if (last(rig) != -1L) {
      Errno beyond = rig.mapRange(first + page, PADDR, page, Prot.RW);
      assertThat(beyond).isEqualTo(Errno.ERANGE);
      assertNothingAt(rig, first + page);
    }
    if (rig.canonical()) {
      long upper = -1L - last(rig);
      assertThat(rig.mapRange(upper, PADDR, page, Prot.RW)).isNull();
      assertThat(rig.mapRange(-page, PADDR + page, page, Prot.RW)).isNull();
      assertLeaf(rig, upper, PADDR, page);
      assertLeaf(rig, -page, PADDR + page, page);
      assertThat(rig.mapRange(upper - page, PADDR, page, Prot.RW)).isEqualTo(Errno.ERANGE);
    }
    assertThat(rig.unmapRange(first, page)).isEqualTo(page);
    assertNothingAt(rig, first);
    end(rig);
  }

  // PTG-028, PTG-029: every leaf size, at several addresses; PTG-018, PTL-015: unmap by its head
  @ParameterizedTest
  @MethodSource(ALL)
  void everySizeIsOneLeafAndGoesAsOne(TableKind kind) {
    TableRig rig = kind.rig();
    boolean arm = rig instanceof ArmRig;
    for (long size : each(rig.pageSizes())) {
      long most = last(rig) - size + 1;
      for (long wanted : new long[] {0, size, 5 * size, last(rig) / 3, most}) {
        long iova = (Long.compareUnsigned(wanted, most) > 0 ? most : wanted) & -size;
        long paddr = Math.max(size, PADDR & -size);
        assertThat(rig.mapRange(iova, paddr, size, Prot.RW)).isNull();
        assertLeaf(rig, iova, paddr, size);
        assertThat(rig.mapRange(iova, paddr, size, Prot.RW)).isEqualTo(rig.overlap());
        long page = rig.smallestPage();
        assertThat(rig.mapRange(iova + size - page, paddr, page, Prot.RW)).isEqualTo(rig.overlap());
        if (size > page) {
          assertThat(rig.unmapRange(iova + page, page)).as("from within").isZero();
          assertThat(rig.unmapRange(iova, page)).as("by its head").isEqualTo(arm ? 0 : size);
        }
        if (arm || size == page) {
          assertThat(rig.unmapRange(iova, size)).isEqualTo(size);
        }
        assertNothingAt(rig, iova);
        assertNothingAt(rig, iova + size - 1);
        assertThat(rig.leafEntries()).isZero();
      }
    }
    end(rig);
  }

  // PTG-028: output addresses; PTL-004, PTA-004, PTR-001: each bit of them has its place
  @ParameterizedTest
  @MethodSource(ALL)
  void everyBitOfAnOutputAddressSurvives(TableKind kind) {
    TableRig rig = kind.rig();
    for (long size : each(rig.pageSizes())) {
      long iova = size;
      for (int bit = Long.numberOfTrailingZeros(size); bit < rig.outputBits(); bit++) {
        assertThat(rig.mapRange(iova, 1L << bit, size, Prot.RW)).isNull();
        assertLeaf(rig, iova, 1L << bit, size);
        assertThat(rig.unmapRange(iova, size)).isEqualTo(size);
      }
      long highest = (1L << rig.outputBits()) - size;
      assertThat(rig.mapRange(iova, highest, size, Prot.RW)).isNull();
      assertLeaf(rig, iova, highest, size);
      assertThat(rig.unmapRange(iova, size)).isEqualTo(size);
    }
    long beyond = 1L << rig.outputBits();
    assertThat(rig.mapRange(0, beyond, rig.smallestPage(), Prot.RW)).isEqualTo(Errno.ERANGE);
    end(rig);
  }

  // PTG-028: pointers to tables, wherever those lie; PTL-004: also above 48 bits
  @ParameterizedTest
  @MethodSource(ALL)
  void tablesMayLieAnywhere(TableKind kind) {
    int width = kind.rig().outputBits();
    for (int bit = 30; bit < width; bit++) {
      PhysicalMemory memory = TableKind.memoryAt(1L << bit);
      TableRig rig = kind.rig(memory);
      long page = rig.smallestPage();
      assertThat(rig.mapRange(last(rig) - page + 1, PADDR, page, Prot.RW)).isNull();
      assertLeaf(rig, last(rig) - page + 1, PADDR, page);
      end(rig);
    }
  }

  // PTG-028: the index of each level; PTG-001, PTG-002, PTL-001
  @ParameterizedTest
  @MethodSource(ALL)
  void addressesThatDifferInOneBitAreApart(TableKind kind) {
    TableRig rig = kind.rig();
    long page = rig.smallestPage();
    int first = Long.numberOfTrailingZeros(page);
    int end = 64 - Long.numberOfLeadingZeros(last(rig));
    assertThat(rig.mapRange(0, PADDR, page, Prot.RW)).isNull();
    for (int bit = first; bit < end; bit++) {
      assertThat(rig.mapRange(1L << bit, PADDR + (bit + 1L) * page, page, Prot.RW)).isNull();
    }
    assertLeaf(rig, 0, PADDR, page);
    for (int bit = first; bit < end; bit++) {
      assertLeaf(rig, 1L << bit, PADDR + (bit + 1L) * page, page);
    }
    assertThat(rig.leafEntries()).isEqualTo(end - first + 1);
    end(rig);
  }

  // PTG-028: attributes survive; PTV-002, PTX-003, PTA-008, PTR-004, PTL-006, PTL-007
  @ParameterizedTest
  @MethodSource(ALL)
  void permissionsAreThoseOfTheMapping(TableKind kind) {
    TableRig rig = kind.rig();
    boolean stage1 = rig instanceof ArmRig arm && kind.name().startsWith("S1");
    boolean x86 = kind.name().startsWith("X86");
    boolean riscv = kind.name().startsWith("SV");
    for (long size : each(rig.pageSizes())) {
      for (int other :
          new int[] {0, Prot.CACHE, Prot.NOEXEC, Prot.MMIO, Prot.CACHE | Prot.NOEXEC}) {
        for (int prot : new int[] {Prot.READ, Prot.WRITE, Prot.RW}) {
          assertThat(rig.mapRange(size, size, size, prot | other)).isNull();
          boolean write = (prot & Prot.WRITE) != 0;
          boolean read = (prot & Prot.READ) != 0 || stage1 || x86 || (riscv && write);
          assertThat(rig.walk(size)).isEqualTo(new WalkedPage(size, size, read, write));
          assertThat(rig.unmapRange(size, size)).isEqualTo(size);
        }
      }
    }
    assertThat(rig.mapRange(0, PADDR, rig.smallestPage(), Prot.NOEXEC)).isEqualTo(Errno.EINVAL);
    end(rig);
  }

  // PTG-028: what software and hardware keep in an entry does not change what it is
  @ParameterizedTest
  @MethodSource(ALL)
  void ignoredBitsDisturbNothing(TableKind kind) {
    TableRig rig = kind.rig();
    long ignored = ignoredBits(kind);
    for (long size : each(rig.pageSizes())) {
      assertThat(rig.mapRange(size, size, size, Prot.RW)).isNull();
      rig.visit(
          (level, at, index, entry, child) -> {
            long bits = child == TableVisitor.NO_CHILD ? ignored | accessed(kind) : ignored;
            rig.memory().write(at + 8L * index, entry | bits);
          });
      assertLeaf(rig, size, size, size);
      assertThat(rig.mapRange(size, size, size, Prot.RW)).isEqualTo(rig.overlap());
      assertThat(rig.unmapRange(size, size)).isEqualTo(size);
      assertNothingAt(rig, size);
    }
    end(rig);
  }

  /** Bits that hardware ignores in entries of all kinds (PTV-002, PTX-001, PTR-001, PTL-005). */
  private static long ignoredBits(TableKind kind) {
    if (kind.name().startsWith("VTD")) {
      return 1L << 10 | 0x1ffL << 52 | 1L << 63;
    } else if (kind.name().startsWith("X86")) {
      return 1L << 9 | 1L << 11 | 0x7ffL << 52;
    } else if (kind.name().startsWith("SV")) {
      return 3L << 8;
    }
    return kind.name().startsWith("AMD") ? 0 : 0xfL << 55;
  }

  /** Marks that hardware sets in leaves: accessed and dirty. */
  private static long accessed(TableKind kind) {
    return kind.name().startsWith("VTD") ? 1L << 8 | 1L << 9 : 0;
  }

  /** What hardware changes when it writes through a leaf: bits to set, bits to clear. */
  private record DirtyMark(long set, long clear) {}

  // PTG-025, PTG-028, PTV-006, PTA-007, PTL-018
  @ParameterizedTest
  @EnumSource(names = {"AMD_GROWING", "AMD_FULL", "VTD_39", "VTD_57", "VTD_48_NO_SNOOP"})
  void dirtyLeavesAreFoundOnceAndWholly(GenericTables kind) {
    boolean amd = kind.name().startsWith("AMD");
    var mark = new DirtyMark(amd ? 1L << 6 : 1L << 9, 0);
    dirtyLeaves(new GenericRig(kind, TableKind.fresh()), mark);
  }

  // PTG-025, PTL-006, PTL-018
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.MATCH_ALL, names = "S1_.*")
  void dirtyLeavesOfArmAreFoundOnceAndWholly(ArmTables kind) {
    ArmRig rig = ArmRig.withDirtyMarks(kind);
    dirtyLeaves(rig, new DirtyMark(0, 1L << 7));
  }

  private static void dirtyLeaves(TableRig rig, DirtyMark mark) {
    boolean arm = rig instanceof ArmRig;
    for (long size : each(rig.pageSizes() & ~(-1L << Math.min(32, rig.inputBits() - 2)))) {
      long page = rig.smallestPage();
      long iova = 2 * size;
      assertThat(rig.mapRange(iova, size, size, Prot.RW)).isNull();
      if (arm) { // hardware that manages the marks maps a writable page as clean
        assertThat(dirty(rig, iova, size, false)).isEqualTo(pages(size, page));
      }
      assertThat(dirty(rig, iova, size, false)).isZero();
      // One entry of a leaf is enough: the last.
      long[] slot = {0};
      rig.visit(
          (level, at, index, entry, child) -> {
            if (child == TableVisitor.NO_CHILD) {
              slot[0] = at + 8L * index;
            }
          });
      long entry = rig.memory().read(slot[0]);
      rig.memory().write(slot[0], (entry | mark.set) & ~mark.clear);
      assertLeaf(rig, iova, size, size);
      assertThat(dirty(rig, iova, size, true)).isEqualTo(pages(size, page));
      assertThat(dirty(rig, iova, size, false)).isEqualTo(pages(size, page));
      assertThat(dirty(rig, iova, size, false)).isZero();
      assertThat(rig.memory().read(slot[0])).isEqualTo(arm ? entry : entry & ~mark.set);
      assertThat(rig.unmapRange(iova, size)).isEqualTo(size);
    }
    end(rig);
  }

  /** The dirty pages of a leaf's range; none in the gather if none was found. */
  private static long dirty(TableRig rig, long iova, long size, boolean noClear) {
    var bits = new BitSet();
    var gather = new IotlbGather();
    int shift = Long.numberOfTrailingZeros(rig.smallestPage());
    rig.readAndClearDirty(iova, size, noClear, new DirtyBitmap(iova, shift, bits, gather));
    assertThat(gather.hasRange()).isEqualTo(!bits.isEmpty());
    return bits.cardinality();
  }

  private static long pages(long size, long page) {
    return size / page;
  }

  // PTG-025: holes are no error; PTL-018: for ARM they are
  @Test
  void readingDirtyMarksOverAHole() {
    TableRig generic = new GenericRig(GenericTables.VTD_48, TableKind.fresh());
    assertThat(generic.mapRange(3 * K4, PADDR, K4, Prot.RW)).isNull();
    assertThat(dirty(generic, 0, 16 * K4, false)).isZero();
    end(generic);
    TableRig arm = ArmRig.withDirtyMarks(ArmTables.S1_4K_48);
    assertThat(arm.mapRange(0, PADDR, K4, Prot.RW)).isNull();
    assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> dirty(arm, 0, 2 * K4, false)))
        .isInstanceOf(IommuException.class)
        .extracting(e -> ((IommuException) e).errno())
        .isEqualTo(Errno.EINVAL);
    end(arm);
  }

  // PTG-023, PTG-029, PTA-003: growing the top
  @ParameterizedTest
  @EnumSource(names = {"AMD_GROWING", "AMD_ENCRYPTED"})
  void theTopGrowsAsFarAsNeeded(GenericTables kind) {
    var rig = new GenericRig(kind, TableKind.fresh());
    assertThat(rig.mapRange(0x5000, PADDR, K4, Prot.RW)).isNull();
    for (int bit = 12; bit < 64; bit++) {
      long iova = 1L << bit;
      if (iova != 0x5000) {
        assertThat(rig.mapRange(iova, PADDR + bit * K4, K4, Prot.RW)).isNull();
      }
      int expected = Math.max(2, Math.min(5, (bit - 12) / 9));
      assertThat(rig.table.topLevel()).as("after 0x%x", iova).isEqualTo(expected);
      assertLeaf(rig, iova, PADDR + bit * K4, K4);
      assertLeaf(rig, 0x5000, PADDR, K4);
    }
    assertThat(rig.newTops).isEqualTo(3);
    assertThat(rig.unmapRange(1L << 63, K4)).isEqualTo(K4);
    assertThat(rig.table.topLevel()).as("the reach never shrinks").isEqualTo(5);
    end(rig);
  }

  // PTG-012, PTG-019, PTG-029, PTL-013: a leaf where emptied tables stand
  @ParameterizedTest
  @MethodSource(ALL)
  void aLeafReplacesEmptiedTables(TableKind kind) {
    TableRig rig = kind.rig();
    long page = rig.smallestPage();
    for (long size : each(rig.pageSizes() & -(page << 1))) {
      long iova = size;
      assertThat(rig.mapRange(iova, size, size, Prot.RW)).isNull();
      long pages = rig.memory().allocatedPages();
      assertThat(rig.unmapRange(iova, size)).isEqualTo(size);
      long[] small = LongStream.of(iova, iova + size / 2, iova + size - page).distinct().toArray();
      for (long at : small) {
        assertThat(rig.mapRange(at, PADDR, page, Prot.RW)).isNull();
      }
      for (long at : small) {
        assertThat(rig.unmapRange(at, page)).isEqualTo(page);
      }
      assertThat(rig.mapRange(iova, size, size, Prot.RW)).isNull();
      assertLeaf(rig, iova, size, size);
      assertThat(rig.memory().allocatedPages()).as("with 0x%x", size).isEqualTo(pages);
      assertThat(rig.unmapRange(iova, size)).isEqualTo(size);
    }
    end(rig);
  }

  // PTG-029: addresses that fit to no larger page, across the border of a table
  @ParameterizedTest
  @MethodSource(ALL)
  void pageSizeBoundary(TableKind kind) {
    TableRig rig = kind.rig();
    assumeThat(rig.smallestPage()).as("of this granule").isEqualTo(K4);
    assumeThat(rig.outputBits()).isGreaterThan(37);
    long iova = 0xfef8_0000L;
    long paddr = 0x208b_95d0_00L;
    assertThat(rig.mapRange(iova, paddr, 0x2_0000, Prot.RW)).isNull();
    for (long at = 0; at < 0x2_0000; at += K4) {
      assertLeaf(rig, iova + at, paddr + at, K4);
    }
    assertNothingAt(rig, iova - 1);
    assertNothingAt(rig, iova + 0x2_0000);
    assertThat(rig.unmapRange(iova, 0x2_0000)).isEqualTo(0x2_0000);
    end(rig);
  }

  // PTG-006, PTG-007, PTG-029: three leaves of 1 GiB, seventeen of 2 MiB
  @ParameterizedTest
  @MethodSource(ALL)
  void mixedSizes(TableKind kind) {
    TableRig rig = kind.rig();
    assumeThat(rig.pageSizes() & M2).as("of this granule").isEqualTo(M2);
    assumeThat(rig.inputBits()).isGreaterThanOrEqualTo(36);
    rig.restrictPageSizes(K4 | M2 | G1);
    long first = 0x3_fe40_0000L;
    long end = 0x4_c060_0000L;
    assertThat(rig.mapRange(first, first, end - first, Prot.RW)).isNull();
    Map<Long, Integer> counts = new TreeMap<>();
    for (long at = first; at < end; ) {
      WalkedPage page = rig.walk(at);
      assertThat(page).as("walk to 0x%x", at).isNotNull();
      assertLeaf(rig, at, at, page.pageBytes());
      counts.merge(page.pageBytes(), 1, Integer::sum);
      at += page.pageBytes();
    }
    assertThat(counts).isEqualTo(Map.of(G1, 3, M2, 17));
    assertThat(rig.unmapRange(first, end - first)).isEqualTo(end - first);
    assertThat(rig.leafEntries()).isZero();
    end(rig);
  }

  // PTG-029: a thousand calls; only what is mapped already may be refused
  @ParameterizedTest
  @MethodSource(ALL)
  void aThousandMapsAndUnmaps(TableKind kind) {
    TableRig rig = kind.rig();
    var model = new Leaves();
    var random = new Random(4711);
    long page = rig.smallestPage();
    if (rig instanceof ArmRig) {
      rig.restrictPageSizes(page); // a block takes the place of pages (PTL-013)
    }
    long window = Math.min(last(rig) >>> 1, page << 22) & -page;
    long base = Math.min(last(rig) - window + 1 & Long.MAX_VALUE, 1L << 46) & -page;
    for (int i = 0; i < 1000; i++) {
      long iova = base + (random.nextLong() & Long.MAX_VALUE) % (window / page) * page;
      long size = page << random.nextInt(12);
      size = Math.min(size, base + window - iova);
      if (random.nextInt(4) == 0 && !model.byStart.isEmpty()) {
        var entry = model.byStart.ceilingEntry(iova);
        long start = entry == null ? model.byStart.firstKey() : entry.getKey();
        Leaves.Leaf leaf = model.byStart.remove(start);
        assertThat(rig.unmapRange(start, leaf.size())).isEqualTo(leaf.size());
        assertNothingAt(rig, start);
      } else {
        long paddr = (iova & ((page << 13) - 1)) + PADDR;
        Errno errno = rig.mapRange(iova, paddr, size, Prot.RW);
        if (model.overlaps(iova, iova + size - 1)) {
          assertThat(errno).isEqualTo(rig.overlap());
        } else {
          assertThat(errno).isNull();
          model.map(rig.pageSizes(), iova, paddr, size, Prot.RW);
        }
      }
    }
    for (Leaves.Leaf leaf : model.byStart.values()) {
      assertLeaf(rig, leaf.start(), leaf.paddr(), leaf.size());
    }
    end(rig);
  }
}
