package org.iommu4j.testkit.jqwik;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.testkit.DmaEngine;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.jqwik.MappingModel.Mapping;
import org.jspecify.annotations.Nullable;

/**
 * One run of a history.
 *
 * <p>A step does nothing but what it says: no access is added that could fill a cache and so hide,
 * or provoke, a mistake. Only after the last step all places are looked at that any step touched.
 */
final class HistoryRunner {
  /**
   * Places looked at in each range at the end, evenly spread, besides its end and its neighbours.
   */
  private static final int SWEEP = 4;

  private final DmaHistory history;
  private final PagingDomain domain;
  private final DmaEngine device;
  private final boolean walks;

  private final MappingModel model = new MappingModel();
  private final Set<IovaRange> touched = new LinkedHashSet<>();

  /** What the device read or wrote last, by physical address. */
  private final Map<Long, Long> words = new HashMap<>();

  private int done;

  HistoryRunner(DmaHistory history, PagingDomain domain, DmaEngine device) {
    this.history = history;
    this.domain = domain;
    this.device = device;
    this.walks = domain.ops().operations().contains(DomainOp.IOVA_TO_PHYS);
  }

  MappingModel run() {
    for (DmaHistory.Step step : history.steps()) {
      if (step instanceof DmaHistory.Map map) {
        map(map);
      } else if (step instanceof DmaHistory.Unmap unmap) {
        unmap(unmap);
      } else if (step instanceof DmaHistory.Read read) {
        read(read.iova());
      } else if (step instanceof DmaHistory.Write write) {
        write(write.iova(), write.value());
      }
      done++;
    }
    places().forEach(this::lookAt);
    return model;
  }

  private void map(DmaHistory.Map map) {
    Mapping there = model.firstIn(map.range());
    touched.add(map.range());
    try {
      domain.map(map.iova(), map.paddr(), map.size(), map.prot());
    } catch (IommuException refused) {
      if (there == null) {
        throw failure("it was refused, although nothing is in the way: " + refused, refused);
      }
      return;
    }
    if (there != null) {
      throw failure("it was accepted, although " + there + " is in the way", null);
    }
    model.map(map.range(), map.paddr(), map.prot());
  }

  private void unmap(DmaHistory.Unmap unmap) {
    long expected = model.unmap(unmap.range());
    touched.add(unmap.range());
    long unmapped = domain.unmap(unmap.iova(), unmap.size());
    if (unmapped != expected) {
      throw failure(
          String.format("it removed 0x%x bytes instead of 0x%x", unmapped, expected), null);
    }
  }

  private void read(long iova) {
    Mapping mapping = model.at(iova);
    long found;
    try {
      found = device.read(iova);
    } catch (DmaFault fault) {
      expectRefusal(iova, FaultAccess.READ, mapping, fault);
      return;
    }
    long target = expectPassage(iova, FaultAccess.READ, mapping);
    expectLanding(iova, FaultAccess.READ, target);
    Long known = words.putIfAbsent(target, found);
    if (known != null && known != found) {
      throw failure(
          String.format("it found 0x%x at 0x%x instead of 0x%x", found, target, known), null);
    }
  }

  private void write(long iova, long value) {
    Mapping mapping = model.at(iova);
    try {
      device.write(iova, value);
    } catch (DmaFault fault) {
      expectRefusal(iova, FaultAccess.WRITE, mapping, fault);
      return;
    }
    long target = expectPassage(iova, FaultAccess.WRITE, mapping);
    expectLanding(iova, FaultAccess.WRITE, target);
    words.put(target, value);
  }

  private void expectRefusal(
      long iova, FaultAccess access, @Nullable Mapping mapping, DmaFault fault) {
    if (mapping != null && mapping.allows(access)) {
      throw failure(
          String.format(
              "a %s of 0x%x was refused, although %s allows it", word(access), iova, mapping),
          fault);
    }
  }

  /** Where an access that was not refused had to go. */
  private long expectPassage(long iova, FaultAccess access, @Nullable Mapping mapping) {
    if (mapping == null) {
      throw failure(
          String.format(
              "a %s of 0x%x went through, although nothing is mapped there", word(access), iova),
          null);
    }
    if (!mapping.allows(access)) {
      throw failure(
          String.format(
              "a %s of 0x%x went through, although %s forbids it", word(access), iova, mapping),
          null);
    }
    return mapping.physicalOf(iova);
  }

  private void expectLanding(long iova, FaultAccess access, long target) {
    long landed;
    try {
      landed = device.translate(iova, access);
    } catch (DmaFault fault) {
      throw failure(
          String.format("a %s of 0x%x went through once, but not again", word(access), iova),
          fault);
    }
    if (landed != target) {
      throw failure(
          String.format(
              "a %s of 0x%x went to 0x%x instead of 0x%x", word(access), iova, landed, target),
          null);
    }
  }

  /** The ends of all ranges that were touched, some places in them, and the words beside them. */
  private Set<Long> places() {
    Set<Long> places = new TreeSet<>(Long::compareUnsigned);
    IovaRange aperture =
        new IovaRange(domain.geometry().apertureStart(), domain.geometry().apertureEnd());
    for (IovaRange range : touched) {
      places.add(range.last() + 1 - Long.BYTES);
      places.add(range.first() - Long.BYTES);
      places.add(range.last() + 1);
      long distance = Long.divideUnsigned(range.last() - range.first(), SWEEP);
      for (int i = 0; i < SWEEP; i++) {
        places.add((range.first() + i * distance) & -Long.BYTES);
      }
    }
    places.removeIf(place -> !aperture.contains(place));
    return places;
  }

  private void lookAt(long iova) {
    Mapping mapping = model.at(iova);
    for (FaultAccess access : FaultAccess.values()) {
      boolean refused = false;
      try {
        device.translate(iova, access);
      } catch (DmaFault fault) {
        expectRefusal(iova, access, mapping, fault);
        refused = true;
      }
      if (!refused) {
        expectLanding(iova, access, expectPassage(iova, access, mapping));
      }
    }
    long expected = mapping == null ? 0 : mapping.physicalOf(iova);
    long walked = walks ? domain.iovaToPhys(iova) : expected;
    if (walked != expected) {
      throw failure(
          String.format("iovaToPhys says 0x%x for 0x%x instead of 0x%x", walked, iova, expected),
          null);
    }
  }

  private static String word(FaultAccess access) {
    return access == FaultAccess.READ ? "read" : "write";
  }

  private AssertionError failure(String what, @Nullable Throwable cause) {
    String where =
        done == history.steps().size()
            ? "after the last step: "
            : String.format("step %d, %s: ", done + 1, history.steps().get(done));
    return new AssertionError(
        String.format("%s%s%nmapped: %s%n%s", where, what, model, history), cause);
  }
}
