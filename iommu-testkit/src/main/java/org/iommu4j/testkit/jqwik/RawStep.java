package org.iommu4j.testkit.jqwik;

/**
 * The choices a step is made of, before it is known what is mapped. They are small numbers that
 * shrink towards 0, and 0 always stands for the simplest choice.
 */
sealed interface RawStep {
  /**
   * A map.
   *
   * @param place 0: at an anchor; 1: where something was unmapped; 2: behind a mapping; 3: in front
   *     of one; 4: on one, which is misuse
   * @param extent how large
   * @param target where it points to
   * @param skewed whether its physical address may keep larger pages from being used
   * @param prot which protection
   */
  record RawMap(Place place, Extent extent, int target, boolean skewed, int prot)
      implements RawStep {}

  /**
   * Where a mapping is made.
   *
   * @param kind as {@link RawMap} says
   * @param which which anchor, range or mapping
   * @param skip pages of the smallest size between there and here
   */
  record Place(int kind, int which, int skip) {}

  /**
   * How large a mapping is.
   *
   * @param pageSize which page size it is made of
   * @param count how many pages less one
   * @param tail pages of the smallest size that it has on top
   */
  record Extent(int pageSize, int count, int tail) {}

  /**
   * An unmap.
   *
   * @param which which mapping
   * @param more how many of those that follow it without a gap go with it
   * @param hole whether to unmap, if misuse is wanted, what was unmapped before
   */
  record RawUnmap(int which, int more, boolean hole) implements RawStep {}

  /**
   * An access.
   *
   * @param place 0: in a mapping; 1: where something was unmapped; 2: next to a mapping; 3: at an
   *     anchor
   * @param which which mapping, range or anchor
   * @param corner 0: the first word there; 1: the last; 2: any other
   * @param word which other
   * @param write whether it is a write
   * @param value what is written
   */
  record RawAccess(int place, int which, int corner, long word, boolean write, int value)
      implements RawStep {}

  /**
   * A place in the aperture around which mappings are made, so that they share tables.
   *
   * @param kind 0: near the start; 1: near the end; 2: anywhere
   * @param number how far from there, in pages of the largest size
   */
  record Anchor(int kind, long number) {}
}
