package org.iommu4j.driver.soft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.Prot;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.MapResult;

/** Histories of map and unmap against a sorted map of pages. */
class PageTableProperties {
  private static final long[] SIZES = {1L << 12, 1L << 21, 1L << 30};
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;

  /** One step: in a corner of the address space where tables of all levels are shared. */
  record Step(boolean map, int size, long iova, int count) {}

  /** A page that the model holds. */
  private record Page(long size, long paddr) {}

  @Provide
  Arbitrary<List<Step>> histories() {
    Arbitrary<Long> iovas =
        Combinators.combine(
                Arbitraries.integers().between(0, 2),
                Arbitraries.integers().between(0, 2),
                Arbitraries.integers().between(0, 3))
            .as((g, m, k) -> g * SIZES[2] + m * SIZES[1] + (k == 3 ? 511 : k) * SIZES[0]);
    return Combinators.combine(
            Arbitraries.of(true, true, false),
            Arbitraries.of(0, 0, 0, 1, 1, 2),
            iovas,
            Arbitraries.integers().between(1, 3))
        .as((map, size, iova, count) -> new Step(map, size, iova & -SIZES[size], count))
        .list()
        .ofMaxSize(40);
  }

  @Property
  void behavesLikeASortedMap(@ForAll("histories") List<Step> steps) {
    HeapMemory memory = HeapMemory.ofSize(1L << 24);
    PageTable table = new PageTable(memory, false);
    NavigableMap<Long, Page> model = new TreeMap<>();
    long paddr = SIZES[2];
    for (Step step : steps) {
      long size = SIZES[step.size()];
      if (step.map()) {
        long expected = map(model, step, paddr);
        long result = table.map(step.iova(), paddr, size, step.count(), Prot.RW);
        assertThat(MapResult.pages(result)).isEqualTo(expected);
        assertThat(MapResult.isFailure(result)).isEqualTo(expected < step.count());
        paddr += 4 * SIZES[2];
      } else {
        IotlbGather gather = new IotlbGather();
        assertThat(table.unmap(step.iova(), size * step.count(), gather))
            .isEqualTo(unmap(model, step));
        for (int i = 0; i < gather.freedCount(); i++) {
          memory.freePage(gather.freed(i));
        }
      }
      model.forEach(
          (iova, page) -> {
            assertThat(table.translate(iova)).isEqualTo(page.paddr());
            assertThat(table.translate(iova + page.size() - 1))
                .isEqualTo(page.paddr() + page.size() - 1);
          });
    }
    assertThat(countLinkedTables(memory, table.root(), 3)).isEqualTo(memory.allocatedPages());
    table.free();
    assertThat(memory.allocatedPages()).isZero();
  }

  private static long map(NavigableMap<Long, Page> model, Step step, long paddr) {
    long size = SIZES[step.size()];
    for (int done = 0; done < step.count(); done++) {
      long iova = step.iova() + done * size;
      var below = model.floorEntry(iova + size - 1);
      if (below != null && below.getKey() + below.getValue().size() > iova) {
        return done;
      }
      model.put(iova, new Page(size, paddr + done * size));
    }
    return step.count();
  }

  private static long unmap(NavigableMap<Long, Page> model, Step step) {
    long size = SIZES[step.size()] * step.count();
    long done = 0;
    while (done < size) {
      Page page = model.remove(step.iova() + done);
      if (page == null) {
        break;
      }
      done += page.size();
    }
    return done;
  }

  /** Counts tables, and checks that each link knows how many entries its table holds. */
  private static int countLinkedTables(HeapMemory memory, long table, int level) {
    int tables = 1;
    for (int index = 0; index < 512; index++) {
      long entry = memory.read(table + 8L * index);
      if (level > 0 && (entry & 9) == 1) {
        long next = entry & ADDRESS;
        int live = 0;
        for (int i = 0; i < 512; i++) {
          live += memory.read(next + 8L * i) == 0 ? 0 : 1;
        }
        assertThat(live).isPositive();
        assertThat(entry >>> 52).isEqualTo(live);
        tables += countLinkedTables(memory, next, level - 1);
      }
    }
    return tables;
  }
}
