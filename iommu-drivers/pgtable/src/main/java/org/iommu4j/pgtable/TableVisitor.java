package org.iommu4j.pgtable;

/** Is shown every non-zero entry of a page table, tables before what they contain. */
@FunctionalInterface
public interface TableVisitor {
  /** The child of an entry that points to no table. */
  long NO_CHILD = 0;

  /**
   * Looks at an entry.
   *
   * @param level level of its table; 0 is that of the smallest pages
   * @param table physical address of its table
   * @param index its number
   * @param entry its value
   * @param child physical address of the table it points to, or {@link #NO_CHILD}
   */
  void entry(int level, long table, int index, long entry, long child);
}
