package org.iommu4j.tests.pgtable;

import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Errno;
import org.iommu4j.pgtable.TableVisitor;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.WalkedPage;
import org.jspecify.annotations.Nullable;

/** A page table of any format, called as the core calls its domain, and its hardware. */
interface TableRig {
  PhysicalMemory memory();

  int inputBits();

  int outputBits();

  /** Whether addresses have a lower and an upper half. */
  boolean canonical();

  long pageSizes();

  /** Hides all other sizes. */
  void restrictPageSizes(long sizes);

  /** Maps all of a range or nothing; null if it is mapped. */
  @Nullable Errno mapRange(long iova, long paddr, long size, int prot);

  /** Unmaps up to the first hole; the bytes that went. */
  long unmapRange(long iova, long size);

  long translate(long iova);

  /** What the hardware finds, without marks of encryption. */
  @Nullable WalkedPage walk(long iova);

  void visit(TableVisitor visitor);

  void readAndClearDirty(long iova, long size, boolean noClear, DirtyBitmap dirty);

  /** What mapping twice gives. */
  Errno overlap();

  void free();

  default long smallestPage() {
    return Long.lowestOneBit(pageSizes());
  }

  /** How many leaves there are, a contiguous one counted by its entries. */
  default int leafEntries() {
    int[] count = {0};
    visit((level, at, index, entry, child) -> count[0] += child == TableVisitor.NO_CHILD ? 1 : 0);
    return count[0];
  }
}
