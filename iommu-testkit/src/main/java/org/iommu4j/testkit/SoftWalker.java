package org.iommu4j.testkit;

import org.iommu4j.api.FaultAccess;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * Reads the SoftIOMMU's tables in physical memory, as HARDWARE.md describes them and without any
 * code of the driver. Holds no state; a table outside the memory shows as the memory's exception.
 */
final class SoftWalker {
  private static final long PAGE = 0x0000_ffff_ffff_f000L;
  private static final long ADDRESS_LIMIT = 1L << 48;

  // A page-table entry.
  //  63       48 47                         12 11     5 4      3     2      1     0
  //  not read    next table or page [47:12]    not read DIRTY  LEAF  WRITE  READ  PRESENT
  private static final long PRESENT = 0x01;
  private static final long READ = 0x02;
  private static final long WRITE = 0x04;
  private static final long LEAF = 0x08;
  private static final long DIRTY = 0x10;

  private final PhysicalMemory memory;
  private final boolean marksDirty;

  SoftWalker(PhysicalMemory memory, boolean marksDirty) {
    this.memory = memory;
    this.marksDirty = marksDirty;
  }

  /**
   * The device entry of a stream, 0 if a table on the way is absent.
   *
   * <pre>
   *  stream id   23       18 17        9 8         0
   *              level 2     level 1     level 0          an upper entry is 0 or page address | 1
   * </pre>
   */
  long deviceEntry(long deviceTable, int streamId) {
    long upper = memory.readAcquire(deviceTable + 8L * (streamId >>> 18 & 0x3f));
    long middle =
        (upper & PRESENT) == 0
            ? 0
            : memory.readAcquire((upper & PAGE) + 8L * (streamId >>> 9 & 0x1ff));
    return (middle & PRESENT) == 0
        ? 0
        : memory.readAcquire((middle & PAGE) + 8L * (streamId & 0x1ff));
  }

  /** A PASID entry. */
  long pasidEntry(long address) {
    return memory.readAcquire(address);
  }

  /** The outcome of a page walk: a translation, or why there is none. */
  record Leaf(@Nullable FaultReason refusal, @Nullable Translation translation) {
    static Leaf refused(FaultReason reason) {
      return new Leaf(reason, null);
    }
  }

  /**
   * Walks a page table.
   *
   * @param mark set DIRTY for a write, as a real access does; a mere check does not
   */
  Leaf walk(SoftContext context, long iova, FaultAccess access, boolean mark) {
    if (Long.compareUnsigned(iova, ADDRESS_LIMIT) >= 0) {
      return Leaf.refused(FaultReason.ADDRESS_WIDTH);
    }
    long table = context.table();
    int shift = 39;
    while (true) {
      long address = table + 8L * (iova >>> shift & 0x1ff);
      long entry = memory.readAcquire(address);
      if ((entry & PRESENT) == 0) {
        return Leaf.refused(FaultReason.NOT_MAPPED);
      }
      if ((entry & LEAF) != 0) {
        Leaf leaf = leaf(context.domain(), iova, shift, entry, access);
        boolean unmarked = marksDirty && access == FaultAccess.WRITE && (entry & DIRTY) == 0;
        if (!mark || !unmarked || leaf.refusal() != null) {
          return leaf;
        }
        // Somebody may have changed the entry since it was read: then nothing of it counts.
        if (memory.compareAndSet(address, entry, entry | DIRTY)) {
          return leaf(context.domain(), iova, shift, entry | DIRTY, access);
        }
        table = context.table();
        shift = 39;
        continue;
      }
      if (shift == 12) {
        return Leaf.refused(FaultReason.MALFORMED_PAGE);
      }
      table = entry & PAGE;
      shift -= 9;
    }
  }

  private Leaf leaf(int domain, long iova, int shift, long entry, FaultAccess access) {
    long offset = (1L << shift) - 1;
    if (shift == 39 || (entry & PAGE & offset) != 0) {
      return Leaf.refused(FaultReason.MALFORMED_PAGE);
    }
    Translation translation =
        new Translation(
            domain,
            iova & ~offset,
            iova | offset,
            entry & PAGE,
            (entry & READ) != 0,
            (entry & WRITE) != 0,
            !marksDirty || (entry & DIRTY) != 0);
    boolean allowed = access == FaultAccess.READ ? translation.readable() : translation.writable();
    return allowed ? new Leaf(null, translation) : Leaf.refused(FaultReason.PERMISSION);
  }
}
