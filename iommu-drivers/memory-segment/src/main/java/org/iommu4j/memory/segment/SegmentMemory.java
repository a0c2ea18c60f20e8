package org.iommu4j.memory.segment;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.LongStream;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.memory.FileLayout;
import org.iommu4j.memory.PageAllocator;
import org.iommu4j.spi.PhysicalMemory;

/**
 * Physical memory that is a file, mapped and shared, as {@link org.iommu4j.memory.MappedMemory} is;
 * for Java 22 and later. What differs: each range of the {@link FileLayout} is one memory segment
 * of any size, so no access looks for a window; and {@link #close} gives the address space back at
 * once.
 *
 * <p>Words are little endian, whatever the machine. Addresses are unsigned. Pages are lent as by
 * {@link PageAllocator}; whoever else uses the file must keep off them (see {@link
 * FileLayout.Builder#tables}).
 *
 * <p>Thread-safe. No access takes a lock or allocates. {@link #writeRelease} and {@link
 * #readAcquire} order accesses between processes as they do between threads.
 *
 * <p>After {@link #close} every access is refused with ENODEV, and so is an allocation; pages can
 * still be given back, so that a leak can be told from a late clean-up. An access that runs while
 * another thread closes either succeeds or is refused.
 *
 * <p>If somebody makes the file shorter while it is mapped, the JVM answers accesses to the missing
 * part with an {@link InternalError}.
 */
public final class SegmentMemory implements PhysicalMemory, AutoCloseable {
  private static final ValueLayout.OfLong LAYOUT =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle WORD = LAYOUT.varHandle();
  private static final int WORD_SHIFT = 3;

  /** The longest run that is written or tested in one go. */
  private static final int MOST = 512;

  /** What rising values are made of; never written. */
  private static final long[] COUNT = LongStream.range(0, MOST).toArray();

  /** What runs are compared with; never written. */
  private static final MemorySegment ZEROES = MemorySegment.ofArray(new long[MOST]).asReadOnly();

  /** How many words are tested at a time. */
  private static final int BLOCK = 64;

  private final FileLayout layout;
  private final PageAllocator pages;
  private final Arena arena;

  /** Where most accesses go: the range in which the tables are. */
  private final Region likely;

  private final Region[] regions;

  /** A range and the segment that shows it. */
  private static final class Region {
    final long base;
    final long size;
    final MemorySegment segment;

    Region(FileChannel file, FileLayout.Range range, Arena arena) throws IOException {
      base = range.base();
      size = range.bytes();
      segment = file.map(FileChannel.MapMode.READ_WRITE, range.fileOffset(), size, arena);
    }

    boolean holds(long address) {
      return Long.compareUnsigned(address - base, size) < 0;
    }

    int run(long offset, int count) {
      return (int) Math.min(Math.min(count, MOST), (size - offset) >>> WORD_SHIFT);
    }
  }

  private SegmentMemory(FileChannel file, FileLayout layout, Arena arena) throws IOException {
    this.layout = layout;
    this.arena = arena;
    pages = layout.newAllocator();
    List<FileLayout.Range> ranges = layout.ranges();
    regions = new Region[ranges.size()];
    for (int i = 0; i < regions.length; i++) {
      regions[i] = new Region(file, ranges.get(i), arena);
    }
    likely = other(layout.tables().base(), "allocate");
  }

  /**
   * Maps a file that exists.
   *
   * @param file readable and writable
   * @param layout where its bytes are in physical memory
   * @return a new memory with what is in the file; no page of it is allocated
   * @throws IOException if the file cannot be opened or mapped, or is shorter than {@link
   *     FileLayout#fileSize}
   */
  public static SegmentMemory open(Path file, FileLayout layout) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (channel.size() < layout.fileSize()) {
        throw new IOException(
            String.format(
                "%s has 0x%x bytes; memory at %s needs 0x%x",
                file, channel.size(), layout, layout.fileSize()));
      }
      return map(channel, layout);
    }
  }

  /**
   * Makes a file full of zeroes, sparse if the file system can, and maps it.
   *
   * @param file must not exist
   * @param layout where its bytes are in physical memory
   * @return a new memory full of zeroes
   * @throws IOException if the file exists, or cannot be made or mapped
   */
  public static SegmentMemory create(Path file, FileLayout layout) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE)) {
      channel.write(ByteBuffer.allocate(1), layout.fileSize() - 1);
      return map(channel, layout);
    }
  }

  /** If one range cannot be mapped, the others are not kept. */
  private static SegmentMemory map(FileChannel file, FileLayout layout) throws IOException {
    Arena arena = Arena.ofShared();
    boolean mapped = false;
    try {
      SegmentMemory memory = new SegmentMemory(file, layout, arena);
      mapped = true;
      return memory;
    } finally {
      if (!mapped) {
        arena.close();
      }
    }
  }

  /**
   * Where the bytes of the file are.
   *
   * @return as given
   */
  public FileLayout layout() {
    return layout;
  }

  @Override
  public long allocatePage() {
    return allocatePages(1);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IommuException ENOMEM if too few pages are left, ENODEV after {@link #close}
   */
  @Override
  public long allocatePages(int number) {
    long address = pages.allocate(number);
    try {
      clear(address, number * (PAGE_SIZE >> WORD_SHIFT));
    } catch (IommuException closed) {
      pages.free(address, number);
      throw closed;
    }
    return address;
  }

  @Override
  public void freePage(long address) {
    pages.free(address, 1);
  }

  @Override
  public void freePages(long address, int number) {
    pages.free(address, number);
  }

  @Override
  public long allocatedPages() {
    return pages.allocated();
  }

  @Override
  public long[] allocatedPageAddresses() {
    return pages.addresses();
  }

  @Override
  public long read(long address) {
    Region region = region(address, "read");
    try {
      return region.segment.get(LAYOUT, address - region.base);
    } catch (IllegalStateException closed) {
      throw gone(closed);
    }
  }

  @Override
  public void write(long address, long value) {
    Region region = region(address, "write");
    try {
      region.segment.set(LAYOUT, address - region.base, value);
    } catch (IllegalStateException closed) {
      throw gone(closed);
    }
  }

  @Override
  public long readAcquire(long address) {
    Region region = region(address, "read");
    try {
      return (long) WORD.getAcquire(region.segment, address - region.base);
    } catch (IllegalStateException closed) {
      throw gone(closed);
    }
  }

  @Override
  public void writeRelease(long address, long value) {
    Region region = region(address, "write");
    try {
      WORD.setRelease(region.segment, address - region.base, value);
    } catch (IllegalStateException closed) {
      throw gone(closed);
    }
  }

  @Override
  public boolean compareAndSet(long address, long expected, long value) {
    Region region = region(address, "compare and set");
    try {
      return WORD.compareAndSet(region.segment, address - region.base, expected, value);
    } catch (IllegalStateException closed) {
      throw gone(closed);
    }
  }

  @Override
  public void fill(long address, int count, long value) {
    long at = address;
    for (int left = count; left > 0; ) {
      Region region = region(at, "write");
      int n = region.run(at - region.base, left);
      try {
        fill(region.segment, at - region.base, n, value);
      } catch (IllegalStateException closed) {
        throw gone(closed);
      }
      left -= n;
      at += (long) n << WORD_SHIFT;
    }
  }

  private static void fill(MemorySegment segment, long offset, int count, long value) {
    for (int i = 0; i < count; i++) {
      segment.set(LAYOUT, offset + ((long) i << WORD_SHIFT), value);
    }
  }

  @Override
  public void fillRising(long address, int count, long first, int shift) {
    long at = address;
    long value = first;
    for (int left = count; left > 0; ) {
      Region region = region(at, "write");
      int n = region.run(at - region.base, left);
      try {
        rise(region.segment, at - region.base, n, value, shift);
      } catch (IllegalStateException closed) {
        throw gone(closed);
      }
      left -= n;
      at += (long) n << WORD_SHIFT;
      value += (long) n << shift;
    }
  }

  /** In this form the JIT makes vectors of it; a running sum stays a loop. */
  private static void rise(MemorySegment segment, long offset, int count, long first, int shift) {
    long[] numbers = COUNT;
    for (int i = 0; i < count; i++) {
      segment.set(LAYOUT, offset + ((long) i << WORD_SHIFT), first + (numbers[i] << shift));
    }
  }

  @Override
  public int leadingZeroes(long address, int count) {
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << WORD_SHIFT);
      Region region = region(at, "read");
      int n = region.run(at - region.base, count - done);
      int zeroes;
      try {
        zeroes = zeroes(region.segment, at - region.base, n);
      } catch (IllegalStateException closed) {
        throw gone(closed);
      }
      done += zeroes;
      if (zeroes < n) {
        break;
      }
    }
    return done;
  }

  private static int zeroes(MemorySegment segment, long offset, int count) {
    if (segment.get(LAYOUT, offset) != 0) {
      return 0;
    }
    long bytes = (long) count << WORD_SHIFT;
    long same = MemorySegment.mismatch(segment, offset, offset + bytes, ZEROES, 0, bytes);
    return same < 0 ? count : (int) (same >>> WORD_SHIFT);
  }

  @Override
  public int leadingMarked(long address, int count, long mask) {
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << WORD_SHIFT);
      Region region = region(at, "read");
      int n = region.run(at - region.base, count - done);
      int marked;
      try {
        marked = marked(region.segment, at - region.base, n, mask);
      } catch (IllegalStateException closed) {
        throw gone(closed);
      }
      done += marked;
      if (marked < n) {
        break;
      }
    }
    return done;
  }

  private static int marked(MemorySegment segment, long offset, int count, long mask) {
    int i = 0;
    while (count - i >= BLOCK && allMarked(segment, offset + ((long) i << WORD_SHIFT), mask)) {
      i += BLOCK;
    }
    while (i < count && (segment.get(LAYOUT, offset + ((long) i << WORD_SHIFT)) & mask) != 0) {
      i++;
    }
    return i;
  }

  private static boolean allMarked(MemorySegment segment, long offset, long mask) {
    long all = -1L;
    for (int i = 0; i < BLOCK; i++) {
      long bits = segment.get(LAYOUT, offset + ((long) i << WORD_SHIFT)) & mask;
      all &= bits | -bits; // the sign says whether there was a bit
    }
    return all < 0;
  }

  /**
   * Unmaps the file; a second call does nothing. What was written stays in the file, and is seen by
   * whoever has it mapped or maps it later.
   */
  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  @Override
  public String toString() {
    return String.format("mapped memory %s, 0x%x pages allocated", layout, pages.allocated());
  }

  /** The range of a word that may be accessed. */
  private Region region(long address, String operation) {
    Region region = likely;
    if (!region.holds(address)) {
      region = other(address, operation);
    }
    if ((address & (Long.BYTES - 1)) != 0) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("cannot %s at 0x%x: not a multiple of 8", operation, address));
    }
    return region;
  }

  private Region other(long address, String operation) {
    for (Region region : regions) {
      if (region.holds(address)) {
        return region;
      }
    }
    throw new IommuException(
        Errno.EFAULT,
        String.format("cannot %s at 0x%x: outside the memory at %s", operation, address, layout));
  }

  private IommuException gone(IllegalStateException closed) {
    return new IommuException(
        Errno.ENODEV, String.format("the memory at %s is closed", layout), closed);
  }
}
