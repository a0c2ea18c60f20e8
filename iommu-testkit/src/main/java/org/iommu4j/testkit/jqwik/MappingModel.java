package org.iommu4j.testkit.jqwik;

import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.Prot;
import org.jspecify.annotations.Nullable;

/**
 * What is mapped in a domain, as a set of intervals: the truth that a history is compared with. It
 * knows no pages, no tables and no caches. Not thread-safe.
 */
public final class MappingModel {
  private final NavigableMap<Long, Mapping> mappings = new TreeMap<>(Long::compareUnsigned);

  /** Creates a model of an empty domain. */
  public MappingModel() {}

  /**
   * One map call that is in force.
   *
   * @param range where it is
   * @param paddr where its first byte goes
   * @param prot {@link Prot} bits
   */
  public record Mapping(IovaRange range, long paddr, int prot) {
    /**
     * Where an address goes.
     *
     * @param iova an address in the range
     * @return the physical address
     */
    public long physicalOf(long iova) {
      return paddr + (iova - range.first());
    }

    /**
     * Whether the device may use it that way.
     *
     * @param access the direction
     * @return true if its protection bits say so
     */
    public boolean allows(FaultAccess access) {
      return (prot & (access == FaultAccess.READ ? Prot.READ : Prot.WRITE)) != 0;
    }

    @Override
    public String toString() {
      return String.format("%s -> 0x%x %s", range, paddr, DmaHistory.directions(prot));
    }
  }

  /**
   * Adds a mapping.
   *
   * @param range where
   * @param paddr where its first byte goes
   * @param prot {@link Prot} bits
   * @throws IllegalArgumentException if something is mapped there
   */
  public void map(IovaRange range, long paddr, int prot) {
    Mapping there = firstIn(range);
    if (there != null) {
      throw new IllegalArgumentException(range + " overlaps " + there);
    }
    mappings.put(range.first(), new Mapping(range, paddr, prot));
  }

  /**
   * Removes the mappings that make up a range, if there are any.
   *
   * @param range where
   * @return bytes removed: the size of the range, or 0 if nothing is mapped there
   * @throws IllegalArgumentException if the range splits a mapping or covers holes among mappings
   *     (CORE-535)
   */
  public long unmap(IovaRange range) {
    if (firstIn(range) == null) {
      return 0;
    }
    long next = range.first();
    Mapping mapping;
    do {
      mapping = mappings.get(next);
      if (mapping == null || !range.contains(mapping.range())) {
        throw new IllegalArgumentException(
            String.format(
                "unmap of %s: no mapping begins at 0x%x and ends in the range, but %s is in it",
                range, next, firstIn(range)));
      }
      next = mapping.range().last() + 1;
    } while (mapping.range().last() != range.last());
    mappings.subMap(range.first(), true, range.last(), true).clear();
    return range.size();
  }

  /**
   * The mapping that an address lies in.
   *
   * @param iova an address
   * @return null if nothing is mapped there
   */
  public @Nullable Mapping at(long iova) {
    var below = mappings.floorEntry(iova);
    return below != null && below.getValue().range().contains(iova) ? below.getValue() : null;
  }

  /**
   * The lowest mapping that overlaps a range.
   *
   * @param range where to look
   * @return null if nothing is mapped there
   */
  public @Nullable Mapping firstIn(IovaRange range) {
    Mapping reachingIn = at(range.first());
    if (reachingIn != null) {
      return reachingIn;
    }
    var above = mappings.ceilingEntry(range.first());
    return above != null && range.contains(above.getKey()) ? above.getValue() : null;
  }

  /**
   * Everything that is mapped.
   *
   * @return a copy, by address
   */
  public List<Mapping> mappings() {
    return List.copyOf(mappings.values());
  }

  @Override
  public String toString() {
    return mappings.values().toString();
  }
}
