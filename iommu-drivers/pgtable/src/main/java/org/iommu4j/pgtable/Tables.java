package org.iommu4j.pgtable;

import org.iommu4j.spi.PageArrays;
import org.iommu4j.spi.PhysicalMemory;

/**
 * What is done most often, a translation and a map or unmap of one leaf, as one walk and one look
 * at an entry.
 *
 * <p>There are two of them, so that which memory the tables lie in is asked once per operation and
 * not once per entry: {@link ArrayTables} if the memory keeps its pages as arrays, {@link
 * PlainTables} if not. What is not that simple goes through {@link PhysicalMemory} in runs.
 *
 * <p>A top table is given as its address with its level in the low bits.
 */
abstract class Tables {
  private static final long LEVEL_MASK = TableShape.PAGE - 1;

  final TableShape shape;

  Tables(TableShape shape) {
    this.shape = shape;
  }

  static Tables of(TableShape shape, PhysicalMemory memory) {
    PageArrays pages = memory.arrays();
    return pages == null ? new PlainTables(shape, memory) : new ArrayTables(shape, pages);
  }

  static long root(long top) {
    return top & ~LEVEL_MASK;
  }

  static int level(long top) {
    return (int) (top & LEVEL_MASK);
  }

  /** The output address, 0 if there is none. */
  abstract long translate(long top, long iova);

  /**
   * Writes a leaf into empty entries of a table that is there (PTG-015).
   *
   * @return false, with nothing done, if the table is missing or an entry is not empty
   */
  abstract boolean map(long top, long iova, long paddr, int sizeLg2, long attributes);

  /**
   * Clears the entries of a leaf.
   *
   * @return false, with nothing done, if no leaf of that size is there
   */
  abstract boolean unmap(long top, long iova, int sizeLg2);
}
