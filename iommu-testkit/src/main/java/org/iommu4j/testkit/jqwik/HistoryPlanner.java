package org.iommu4j.testkit.jqwik;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Prot;
import org.iommu4j.testkit.jqwik.MappingModel.Mapping;
import org.iommu4j.testkit.jqwik.RawStep.Anchor;
import org.iommu4j.testkit.jqwik.RawStep.Place;
import org.iommu4j.testkit.jqwik.RawStep.RawAccess;
import org.iommu4j.testkit.jqwik.RawStep.RawMap;
import org.iommu4j.testkit.jqwik.RawStep.RawUnmap;
import org.jspecify.annotations.Nullable;

/**
 * Makes a history that means something out of raw choices.
 *
 * <p>A choice is understood against what is mapped when its turn comes: an unmap names "the third
 * mapping", an access "the last word of what was unmapped just now". So nearly every step does
 * something, and it still does when shrinking takes the steps before it away. A choice that cannot
 * be followed leaves no step.
 */
final class HistoryPlanner {
  private static final int[] PROTECTIONS = {Prot.RW, Prot.READ, Prot.WRITE};

  /** The most pages of one mapping: a GiB in pages of 4 KiB takes long and shows nothing new. */
  private static final int MAX_PAGES = 4096;

  private final HistoryShape shape;
  private final long[] sizes;
  private final List<Long> anchors = new ArrayList<>();
  private final MappingModel model = new MappingModel();
  private final List<IovaRange> gone = new ArrayList<>();
  private final List<DmaHistory.Step> steps = new ArrayList<>();

  private HistoryPlanner(HistoryShape shape, List<Anchor> anchors) {
    this.shape = shape;
    this.sizes = shape.usableSizes();
    for (Anchor anchor : anchors) {
      this.anchors.add(addressOf(anchor));
    }
  }

  static DmaHistory plan(HistoryShape shape, List<Anchor> anchors, List<RawStep> choices) {
    HistoryPlanner planner = new HistoryPlanner(shape, anchors);
    for (RawStep choice : choices) {
      if (choice instanceof RawMap map) {
        planner.map(map);
      } else if (choice instanceof RawUnmap unmap) {
        planner.unmap(unmap);
      } else if (choice instanceof RawAccess access) {
        planner.access(access);
      }
    }
    return new DmaHistory(planner.steps);
  }

  private long addressOf(Anchor anchor) {
    long first = shape.aperture().first();
    long largest = sizes[sizes.length - 1];
    long whole = Long.divideUnsigned(shape.aperture().last() - first, largest);
    long number =
        switch (anchor.kind()) {
          case 0 -> Math.floorMod(anchor.number(), 4L);
          case 1 -> whole - Math.floorMod(anchor.number(), 4L);
          default -> anchor.number() & Long.MAX_VALUE;
        };
    return first + Long.remainderUnsigned(number, whole + 1) * largest;
  }

  private void map(RawMap raw) {
    long unit = sizes[raw.extent().pageSize() % sizes.length];
    long granule = shape.granule();
    long size =
        unit * Math.min(raw.extent().count() + 1, Math.max(1, shape.physical().size() / 2 / unit));
    long tail = raw.extent().tail() * granule;
    if (size + tail <= shape.physical().size()) {
      size += tail;
    }
    boolean onTop = raw.place().kind() == 4;
    if (onTop && (!shape.misuse() || model.mappings().isEmpty())) {
      return;
    }
    IovaRange range = rangeAt(startOf(raw.place(), size), size);
    if (range != null && !onTop) {
      range = firstFit(range, unit);
    }
    if (range == null || !shape.admits(range)) {
      return;
    }
    Long paddr = targetOf(raw, range, unit);
    if (paddr == null) {
      return;
    }
    int prot = PROTECTIONS[raw.prot() % PROTECTIONS.length];
    steps.add(new DmaHistory.Map(range.first(), paddr, size, prot));
    if (!onTop) {
      model.map(range, paddr, prot);
    }
  }

  /** Where a mapping should begin. */
  private long startOf(Place place, long size) {
    long skip = place.skip() * shape.granule();
    List<Mapping> mappings = model.mappings();
    if (place.kind() == 1 && !gone.isEmpty()) {
      return latest(gone, place.which()).first();
    }
    if (place.kind() >= 2 && !mappings.isEmpty()) {
      IovaRange near = pick(mappings, place.which()).range();
      return switch (place.kind()) {
        case 2 -> near.last() + 1 + skip;
        case 3 -> near.first() - size - skip;
        default -> near.first() + skip % near.size();
      };
    }
    return pick(anchors, place.which()) + skip;
  }

  /** The range itself or the next free one behind what is in its way; null if there is none. */
  private @Nullable IovaRange firstFit(IovaRange wanted, long unit) {
    IovaRange range = wanted;
    Mapping inTheWay = model.firstIn(range);
    while (inTheWay != null) {
      long behind = inTheWay.range().last() + 1;
      long aligned = (behind + unit - 1) & -unit;
      range = aligned == 0 ? null : rangeAt(aligned, wanted.size());
      if (range == null) {
        return null;
      }
      inTheWay = model.firstIn(range);
    }
    return range;
  }

  /**
   * A physical address for a range: with the same offset in a page of the given size, else of the
   * next smaller size, and so on; null if no address is left or it would take too many pages.
   */
  private @Nullable Long targetOf(RawMap raw, IovaRange range, long unit) {
    boolean skewed = raw.skewed() && range.size() / shape.granule() <= MAX_PAGES;
    for (int i = sizes.length - 1; i >= 0; i--) {
      long align = sizes[i];
      if (align > (skewed ? shape.granule() : unit) || range.size() / align > MAX_PAGES) {
        continue;
      }
      IovaRange physical = shape.physical();
      long lowest = (physical.first() & -align) + (range.first() & (align - 1));
      if (Long.compareUnsigned(lowest, physical.first()) < 0) {
        lowest += align;
      }
      long room = physical.last() - range.size() + 1 - lowest;
      if (room >= 0) {
        return lowest + raw.target() % (room / align + 1) * align;
      }
    }
    return null;
  }

  private void unmap(RawUnmap raw) {
    if (raw.hole() && shape.misuse() && !gone.isEmpty()) {
      IovaRange hole = latest(gone, raw.which());
      if (model.firstIn(hole) == null) {
        steps.add(new DmaHistory.Unmap(hole.first(), hole.size()));
      }
      return;
    }
    List<Mapping> mappings = model.mappings();
    if (mappings.isEmpty()) {
      return;
    }
    int index = raw.which() % mappings.size();
    long first = mappings.get(index).range().first();
    long last = mappings.get(index).range().last();
    for (int more = raw.more(); more > 0 && index + 1 < mappings.size(); more--) {
      IovaRange next = mappings.get(++index).range();
      if (next.first() != last + 1) {
        break;
      }
      last = next.last();
    }
    IovaRange range = new IovaRange(first, last);
    model.unmap(range);
    gone.add(range);
    steps.add(new DmaHistory.Unmap(range.first(), range.size()));
  }

  private void access(RawAccess raw) {
    List<Mapping> mappings = model.mappings();
    long iova;
    if (raw.place() == 3 || (mappings.isEmpty() && gone.isEmpty())) {
      iova = pick(anchors, raw.which());
    } else if (mappings.isEmpty() || (raw.place() == 1 && !gone.isEmpty())) {
      iova = wordOf(raw, latest(gone, raw.which()));
    } else if (raw.place() == 2) {
      IovaRange near = pick(mappings, raw.which()).range();
      iova = raw.corner() == 0 ? near.last() + 1 : near.first() - Long.BYTES;
    } else {
      iova = wordOf(raw, pick(mappings, raw.which()).range());
    }
    IovaRange page = rangeAt(iova & -shape.granule(), shape.granule());
    if (page != null && shape.admits(page)) {
      steps.add(raw.write() ? new DmaHistory.Write(iova, raw.value()) : new DmaHistory.Read(iova));
    }
  }

  private static long wordOf(RawAccess raw, IovaRange range) {
    return switch (raw.corner()) {
      case 0 -> range.first();
      case 1 -> range.last() + 1 - Long.BYTES;
      default -> range.first() + raw.word() % (range.size() / Long.BYTES) * Long.BYTES;
    };
  }

  private static @Nullable IovaRange rangeAt(long first, long size) {
    return Long.compareUnsigned(first + size - 1, first) < 0 ? null : IovaRange.ofSize(first, size);
  }

  private static <T> T pick(List<T> list, int which) {
    return list.get(which % list.size());
  }

  private static <T> T latest(List<T> list, int which) {
    return list.get(list.size() - 1 - which % list.size());
  }
}
