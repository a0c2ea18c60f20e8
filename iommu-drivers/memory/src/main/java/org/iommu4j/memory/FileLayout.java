package org.iommu4j.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import org.iommu4j.spi.PhysicalMemory;

/**
 * Which bytes of a file are which physical memory, and where in it tables may lie. Immutable.
 *
 * <p>A machine with little memory has it in one piece. A larger one leaves out the addresses below
 * 4 GiB that devices answer to, while the file that backs it has no such hole. A PC with 8 GiB, 2
 * of them below the hole:
 *
 * <pre>{@code
 * FileLayout.builder().range(0, 2L << 30).range(4L << 30, 6L << 30).build()
 *
 *  file       0              2 GiB                     8 GiB
 *             |--------------|-------------------------|
 *  physical   0 ... 2 GiB    4 GiB ............. 10 GiB
 * }</pre>
 */
public final class FileLayout {
  private final List<Range> ranges;
  private final Range tables;
  private final long pageLimit;

  private FileLayout(List<Range> ranges, Range tables, long pageLimit) {
    this.ranges = ranges;
    this.tables = tables;
    this.pageLimit = pageLimit;
  }

  /**
   * Adjacent bytes of the file that are adjacent physical memory.
   *
   * @param base the first physical address, unsigned, a multiple of {@link
   *     PhysicalMemory#PAGE_SIZE}
   * @param bytes the size, a positive multiple of the page size
   * @param fileOffset where it begins in the file, zero or a positive multiple of the page size
   */
  public record Range(long base, long bytes, long fileOffset) {
    static final Comparator<Range> BY_BASE = (a, b) -> Long.compareUnsigned(a.base, b.base);

    /**
     * Checks the numbers.
     *
     * @param base as above
     * @param bytes as above
     * @param fileOffset as above
     * @throws IllegalArgumentException for a size that is not positive, a negative offset, a number
     *     that is not a multiple of the page size, and a range that passes the end of the address
     *     space or of what a file can hold
     */
    public Range {
      boolean aligned = ((base | bytes | fileOffset) & (PhysicalMemory.PAGE_SIZE - 1)) == 0;
      boolean ends =
          Long.compareUnsigned(base + bytes - 1, base) >= 0 && fileOffset + bytes >= fileOffset;
      if (bytes <= 0 || fileOffset < 0 || !aligned || !ends) {
        throw new IllegalArgumentException(
            String.format(
                "0x%x+0x%x at 0x%x of a file is no range of pages", base, bytes, fileOffset));
      }
    }

    /**
     * The last physical address.
     *
     * @return an unsigned, inclusive address
     */
    public long last() {
      return base + bytes - 1;
    }

    private boolean holds(Range other) {
      return Long.compareUnsigned(other.base, base) >= 0
          && Long.compareUnsigned(other.last(), last()) <= 0;
    }

    private boolean collides(Range other) {
      return (Long.compareUnsigned(base, other.last()) <= 0
              && Long.compareUnsigned(other.base, last()) <= 0)
          || (fileOffset < other.fileOffset + other.bytes && other.fileOffset < fileOffset + bytes);
    }

    /** As messages name a piece of memory. */
    private String text() {
      return String.format("0x%x+0x%x", base, bytes);
    }
  }

  /**
   * The beginning of a file as one piece of memory.
   *
   * @param base the first physical address, a multiple of the page size
   * @param bytes the size, a positive multiple of the page size
   * @return a layout whose tables may lie anywhere but at address 0
   * @throws IllegalArgumentException as {@link Range}
   */
  public static FileLayout of(long base, long bytes) {
    return builder().range(base, bytes).build();
  }

  /**
   * Starts a description without any range.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * The pieces of memory.
   *
   * @return at least one, in the order of their addresses; unmodifiable
   */
  public List<Range> ranges() {
    return ranges;
  }

  /**
   * Where pages for tables are taken from.
   *
   * @return a range or a part of one
   */
  public Range tables() {
    return tables;
  }

  /**
   * How long a file must be.
   *
   * @return bytes, positive
   */
  public long fileSize() {
    return ranges.stream().mapToLong(range -> range.fileOffset() + range.bytes()).max().orElse(0);
  }

  /**
   * Starts the account of the pages that may become tables.
   *
   * @return a new allocator; none of its pages is taken
   */
  public PageAllocator newAllocator() {
    return new PageAllocator(tables.base(), tables.bytes(), pageLimit);
  }

  /** The addresses, as they appear in messages: {@code 0x0+0x80000000, 0x100000000+0x80000000}. */
  @Override
  public String toString() {
    return ranges.stream().map(Range::text).collect(Collectors.joining(", "));
  }

  /** Collects ranges. */
  public static final class Builder {
    private final List<Range> ranges = new ArrayList<>();
    private long nextOffset;
    private long tableBase;
    private long tableBytes;
    private long pageLimit = Integer.MAX_VALUE;

    private Builder() {}

    /**
     * Adds the bytes of the file that follow the range added before; the first range begins at the
     * begin of the file.
     *
     * @param base the first physical address, a multiple of the page size
     * @param bytes the size, a positive multiple of the page size
     * @return this
     * @throws IllegalArgumentException as {@link #range(long, long, long)}
     */
    public Builder range(long base, long bytes) {
      return range(base, bytes, nextOffset);
    }

    /**
     * Adds bytes of the file.
     *
     * @param base the first physical address, a multiple of the page size
     * @param bytes the size, a positive multiple of the page size
     * @param fileOffset where it begins in the file, a multiple of the page size
     * @return this
     * @throws IllegalArgumentException as {@link Range}, and if an address or a byte of the file is
     *     in another range
     */
    public Builder range(long base, long bytes, long fileOffset) {
      Range added = new Range(base, bytes, fileOffset);
      for (Range other : ranges) {
        if (added.collides(other)) {
          throw new IllegalArgumentException(
              String.format(
                  "%s at 0x%x of the file overlaps %s at 0x%x",
                  added.text(), fileOffset, other.text(), other.fileOffset()));
        }
      }
      ranges.add(added);
      nextOffset = fileOffset + bytes;
      return this;
    }

    /**
     * Says where pages for tables are taken from: by default the whole range with the highest
     * addresses. Whoever shares the file must leave them alone.
     *
     * @param base the first physical address, a multiple of the page size
     * @param bytes the size, a positive multiple of the page size
     * @return this
     * @throws IllegalArgumentException as {@link Range}
     */
    public Builder tables(long base, long bytes) {
      Range checked = new Range(base, bytes, 0);
      tableBase = checked.base();
      tableBytes = checked.bytes();
      return this;
    }

    /**
     * Limits how many pages can be allocated at a time.
     *
     * @param pages zero or more; by default all there are
     * @return this
     * @throws IllegalArgumentException if it is negative
     */
    public Builder pageLimit(long pages) {
      if (pages < 0) {
        throw new IllegalArgumentException("page limit " + pages + " is negative");
      }
      pageLimit = pages;
      return this;
    }

    /**
     * Creates the layout.
     *
     * @return a new layout
     * @throws IllegalArgumentException if there is no range, or none that holds all places for
     *     tables
     */
    public FileLayout build() {
      if (ranges.isEmpty()) {
        throw new IllegalArgumentException("a layout needs a range");
      }
      List<Range> sorted = ranges.stream().sorted(Range.BY_BASE).toList();
      Range tables = tableBytes == 0 ? sorted.get(sorted.size() - 1) : placedTables();
      return new FileLayout(sorted, tables, pageLimit);
    }

    private Range placedTables() {
      Range tables = new Range(tableBase, tableBytes, 0);
      for (Range range : ranges) {
        if (range.holds(tables)) {
          long offset = range.fileOffset() + (tableBase - range.base());
          return new Range(tableBase, tableBytes, offset);
        }
      }
      throw new IllegalArgumentException("tables at " + tables.text() + " do not lie in one range");
    }
  }
}
