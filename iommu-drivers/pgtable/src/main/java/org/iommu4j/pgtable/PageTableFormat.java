package org.iommu4j.pgtable;

import org.iommu4j.api.Errno;
import org.jspecify.annotations.Nullable;

/**
 * The bits of one entry, for tables of {@link RadixPageTable}; the geometry that is common to the
 * formats stands in the default methods. Levels are numbered from the leaf: level 0 has only leaves
 * (PTG-001). Immutable.
 *
 * <p>All answers are read once, when a page table is made, and kept as numbers: one call per entry
 * would cost more than the walk. An entry is empty if it has no bit of {@link #presentMask}, points
 * to a table if {@code (entry & tableMask(level)) == tableValue(level)}, and is a leaf otherwise
 * (PTG-003). The address in an entry is {@code (entry & addressMask()) << addressShift()}, and a
 * leaf is its address field, its attributes and bits that depend on nothing but its size: {@code
 * leaf(0, level, size, 0) | address >>> addressShift() | attributes}.
 *
 * <p>The page "Writing a format" in {@code docs} builds one.
 */
public interface PageTableFormat {
  /** An entry that says nothing; new tables are full of it. */
  long EMPTY = 0;

  /**
   * The name, as in messages and recorded vectors.
   *
   * @return for example {@code vtdss}
   */
  String name();

  /**
   * The configuration in force, with the features the format adds by itself.
   *
   * @return widths and features
   */
  PageTableConfig config();

  /**
   * The level of the first top table.
   *
   * @return 0 to {@link #maxTopLevel}
   */
  int topLevel();

  /**
   * The highest level a top table can have.
   *
   * @return at most 7
   */
  int maxTopLevel();

  /**
   * How much one entry of a table covers (PTG-002).
   *
   * @param level a level
   * @return log2 of the bytes
   */
  default int itemLg2(int level) {
    return 12 + 9 * level;
  }

  /**
   * How many entries a table has: as many at every level, except that a top table may have less, if
   * the uppermost bits of an address do not suffice for a whole one, or more. If those take more
   * than a page, the table lies in adjacent pages, on a multiple of its size; a format with {@link
   * PageTableFeature#DYNAMIC_TOP} has no such table.
   *
   * @param level its level
   * @return log2 of the entries
   */
  default int indexBits(int level) {
    return 9;
  }

  /**
   * The sizes a leaf can have.
   *
   * @param level the level of the table it stands in
   * @return a bit set, one bit per size in bytes
   */
  long leafSizes(int level);

  /**
   * The bits of which an entry that is not empty has at least one.
   *
   * @return a mask
   */
  long presentMask();

  /**
   * The bits that tell whether an entry points to a table.
   *
   * @param level the level of the table it stands in, 1 or more
   * @return a mask
   */
  long tableMask(int level);

  /**
   * What those bits are if it does.
   *
   * @param level the level of the table it stands in, 1 or more
   * @return a value within the mask
   */
  long tableValue(int level);

  /**
   * The bits of an entry that hold an address.
   *
   * @return a mask
   */
  long addressMask();

  /**
   * How far they must be moved.
   *
   * @return bits to the left
   */
  default int addressShift() {
    return 0;
  }

  /**
   * Makes an entry that points to a table.
   *
   * @param address physical address of the table
   * @param level the level of the table the entry stands in
   * @return the entry
   */
  long table(long address, int level);

  /**
   * Whether a protection cannot be expressed.
   *
   * @param prot bits of {@link org.iommu4j.api.Prot}, with READ or WRITE
   * @return the errno, or null if it can
   */
  @Nullable Errno refuses(int prot);

  /**
   * Translates a protection into the bits that all leaves of a mapping have.
   *
   * @param prot bits for which {@link #refuses} gives null
   * @return bits of a leaf
   */
  long attributes(int prot);

  /**
   * Makes a leaf. A leaf that is larger than an entry of its level covers stands, with the same
   * value, in all the entries it covers (PTG-004). Address, size and attributes have bits of their
   * own, so that one call per size says it all.
   *
   * @param address physical address, a multiple of the size
   * @param level the level of the table it stands in
   * @param sizeLg2 log2 of its size
   * @param attributes from {@link #attributes}
   * @return the entry
   */
  long leaf(long address, int level, int sizeLg2, long attributes);

  /**
   * The size of a leaf.
   *
   * @param leaf an entry
   * @param level the level of the table it stands in
   * @return log2 of the bytes
   */
  default int leafLg2(long leaf, int level) {
    return itemLg2(level);
  }

  /**
   * The physical address a leaf begins at.
   *
   * @param leaf an entry
   * @param level the level of the table it stands in
   * @return an address, a multiple of the leaf's size
   */
  default long leafAddress(long leaf, int level) {
    return ((leaf & addressMask()) << addressShift()) & -(1L << leafLg2(leaf, level));
  }

  /**
   * The bit hardware sets in a leaf it wrote through.
   *
   * @return a mask, 0 if the format has no dirty tracking
   */
  default long dirtyMask() {
    return 0;
  }

  /**
   * The bit of an entry pointing to a table that says: written back to memory (PTG-016).
   *
   * @return a mask, 0 if the format knows no hardware that does not snoop
   */
  default long writtenBackMask() {
    return 0;
  }
}
