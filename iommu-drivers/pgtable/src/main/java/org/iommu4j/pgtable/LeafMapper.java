package org.iommu4j.pgtable;

import org.iommu4j.api.Errno;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PhysicalMemory;

/** Maps what is more than one leaf: runs of leaves of one size, table by table. */
final class LeafMapper {
  private final TableShape shape;
  private final PhysicalMemory memory;
  private final PageTableOwner owner;
  private final TableLinks links;

  LeafMapper(TableShape shape, PhysicalMemory memory, PageTableOwner owner, TableLinks links) {
    this.shape = shape;
    this.memory = memory;
    this.owner = owner;
    this.links = links;
  }

  /**
   * Chooses sizes and maps runs of leaves of one size, in ascending order (PTG-007).
   *
   * @return as {@link MapResult}, in pages of 4 KiB
   */
  long map(long top, long iova, long paddr, long size, int firstLg2, long sizes, long attributes) {
    int sizeLg2 = firstLg2;
    long done = 0;
    while (true) {
      long leaves = LeafSizes.count(sizes, iova + done, paddr + done, size - done, sizeLg2);
      long result = mapLeaves(top, iova + done, paddr + done, leaves, sizeLg2, attributes);
      done += MapResult.pages(result) << sizeLg2;
      if (MapResult.isFailure(result)) {
        return MapResult.failed(done >>> TableShape.PAGE_LG2, MapResult.errno(result));
      }
      if (done == size) {
        return MapResult.mapped(done >>> TableShape.PAGE_LG2);
      }
      sizeLg2 = LeafSizes.best(sizes, iova + done, paddr + done, size - done);
      if (sizeLg2 == 0) {
        return MapResult.failed(done >>> TableShape.PAGE_LG2, Errno.ENXIO);
      }
    }
  }

  /** Maps leaves of one size table by table; counts leaves in its result. */
  private long mapLeaves(
      long top, long iova, long paddr, long leaves, int sizeLg2, long attributes) {
    int level = shape.levelOf(sizeLg2);
    int itemsLg2 = sizeLg2 - TableShape.itemLg2(level);
    long done = 0;
    while (done < leaves) {
      long at = iova + (done << sizeLg2);
      int index = shape.index(at, level);
      int room = (shape.lastIndex(level) + 1 - index) >>> itemsLg2;
      int count = (int) Math.min(leaves - done, room);
      long first = paddr + (done << sizeLg2);
      boolean whole = count << itemsLg2 == TableShape.WORDS && level < Tables.level(top);
      long result =
          whole
              ? mapTable(top, at, first, count, sizeLg2, attributes)
              : mapInTable(top, at, first, count, sizeLg2, attributes);
      done += MapResult.pages(result);
      if (MapResult.isFailure(result)) {
        return MapResult.failed(done, MapResult.errno(result));
      }
    }
    return MapResult.mapped(done);
  }

  /** Fills a table, if there is none yet, and links it then, so that it need not be zeroed. */
  private long mapTable(long top, long iova, long paddr, int leaves, int sizeLg2, long attributes) {
    int level = shape.levelOf(sizeLg2) + 1;
    long above = links.tableFor(top, iova, level);
    if (above < 0) {
      return MapResult.failed(0, Errno.ofNumber((int) -above));
    }
    long slot = TableShape.slot(above & ~TableLinks.FRESH, shape.index(iova, level));
    long table = links.pageToFill(slot);
    if (table < 0) {
      return MapResult.failed(0, Errno.ofNumber((int) -table));
    }
    if (table != 0) {
      write(table, leaves, paddr, sizeLg2, attributes);
      if (links.linkFull(slot, table, level)) {
        return MapResult.mapped(leaves);
      }
    }
    return mapInTable(top, iova, paddr, leaves, sizeLg2, attributes);
  }

  private long mapInTable(
      long top, long iova, long paddr, int leaves, int sizeLg2, long attributes) {
    int level = shape.levelOf(sizeLg2);
    long table = links.tableFor(top, iova, level);
    if (table < 0) {
      return MapResult.failed(0, Errno.ofNumber((int) -table));
    }
    long slot = TableShape.slot(table & ~TableLinks.FRESH, shape.index(iova, level));
    if ((table & TableLinks.FRESH) != 0) {
      write(slot, leaves, paddr, sizeLg2, attributes);
      return MapResult.mapped(leaves);
    }
    return fill(slot, leaves, iova, paddr, sizeLg2, attributes);
  }

  /** Writes leaves into a table that may hold something; stops at what is mapped. */
  private long fill(long slot, int leaves, long iova, long paddr, int sizeLg2, long attributes) {
    int level = shape.levelOf(sizeLg2);
    int itemsLg2 = sizeLg2 - TableShape.itemLg2(level);
    int done = 0;
    while (done < leaves) {
      long at = TableShape.slot(slot, done << itemsLg2);
      int free = memory.leadingZeroes(at, (leaves - done) << itemsLg2) >>> itemsLg2;
      if (free > 0) {
        write(at, free, paddr + ((long) done << sizeLg2), sizeLg2, attributes);
        done += free;
      } else {
        Errno inTheWay = links.replace(at, 1 << itemsLg2, iova + ((long) done << sizeLg2), level);
        if (inTheWay != null) {
          return MapResult.failed(done, inTheWay);
        }
      }
    }
    return MapResult.mapped(done);
  }

  /** Entries of adjacent leaves rise by a power of two, so the memory writes them in one go. */
  private void write(long slot, int leaves, long paddr, int sizeLg2, long attributes) {
    int items = 1 << (sizeLg2 - TableShape.itemLg2(shape.levelOf(sizeLg2)));
    if (items == 1) {
      long first = shape.leaf(paddr, sizeLg2, attributes);
      memory.fillRising(slot, leaves, first, sizeLg2 - shape.addressShift);
    } else {
      for (int i = 0; i < leaves; i++) {
        long leaf = shape.leaf(paddr + ((long) i << sizeLg2), sizeLg2, attributes);
        memory.fill(TableShape.slot(slot, i * items), items, leaf);
      }
    }
    if (shape.incoherent) {
      owner.writeBack(slot, ((long) leaves * items) << TableShape.ENTRY_LG2);
    }
  }
}
