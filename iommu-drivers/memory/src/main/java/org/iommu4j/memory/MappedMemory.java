package org.iommu4j.memory;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * Physical memory that is a file, mapped and shared: another process that maps the same file, for
 * example an emulator whose guest RAM it is, reads and writes the same words.
 *
 * <p>Words are little endian, whatever the machine. A {@link FileLayout} says which bytes of the
 * file are which physical addresses; the file may be larger than 2 GiB, and parts of it that nobody
 * wrote take no space on a file system that knows sparse files. Addresses are unsigned.
 *
 * <p>Pages are lent as by {@link HeapMemory}: the highest first, one that came back before any
 * fresh one, never the page at address 0. The account of them is this object's own; whoever else
 * uses the file must keep off the pages it lends (see {@link FileLayout.Builder#tables}).
 *
 * <p>Thread-safe. No access takes a lock or allocates, except for 4 KiB once per thread that uses
 * runs of words. {@link #writeRelease} and {@link #readAcquire} order accesses between processes as
 * they do between threads.
 *
 * <p>After {@link #close} every access is refused with ENODEV, and so is an allocation; pages can
 * still be given back, so that a leak can be told from a late clean-up. The JVM gives the address
 * space back when it collects the garbage. An access that runs while another thread closes may
 * still succeed.
 *
 * <p>If somebody makes the file shorter while it is mapped, the JVM answers accesses to the missing
 * part with an {@link InternalError}.
 */
public final class MappedMemory implements PhysicalMemory, AutoCloseable {
  /** A window is what one buffer shows: a power of two that fits into an index. */
  private static final int WINDOW_SHIFT = 30;

  private static final long WINDOW = 1L << WINDOW_SHIFT;
  private static final int WORD_SHIFT = 3;

  /** Below this many words a plain loop is quicker than a copy. */
  private static final int FEW = 32;

  private static final VarHandle WORD =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final FileLayout layout;
  private final PageAllocator pages;

  /** Where most accesses go: the range in which the tables are. */
  private final Region likely;

  private final Region[] regions;

  /** Where runs are prepared before they are copied: a copy is quicker than a store per word. */
  @SuppressWarnings("ThreadLocalUsage") // belongs to this memory and goes away with it
  private final ThreadLocal<long[]> scratch =
      ThreadLocal.withInitial(() -> new long[WordRuns.MOST]);

  /** A range and the windows that show it; the windows go when the memory is closed. */
  private static final class Region {
    final long base;
    final long size;
    final @Nullable ByteBuffer[] bytes;

    /** The same windows: plain accesses through these are the quicker ones. */
    final @Nullable LongBuffer[] words;

    Region(FileChannel file, FileLayout.Range range) throws IOException {
      base = range.base();
      size = range.bytes();
      int windows = (int) ((size + WINDOW - 1) >>> WINDOW_SHIFT);
      bytes = new @Nullable ByteBuffer[windows];
      words = new @Nullable LongBuffer[windows];
      for (int i = 0; i < windows; i++) {
        long from = (long) i << WINDOW_SHIFT;
        ByteBuffer window =
            file.map(
                    FileChannel.MapMode.READ_WRITE,
                    range.fileOffset() + from,
                    Math.min(WINDOW, size - from))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes[i] = window;
        words[i] = window.asLongBuffer();
      }
    }

    boolean holds(long address) {
      return Long.compareUnsigned(address - base, size) < 0;
    }

    LongBuffer words(long offset) {
      LongBuffer window = words[(int) (offset >>> WINDOW_SHIFT)];
      if (window == null) {
        throw closed();
      }
      return window;
    }

    ByteBuffer bytes(long offset) {
      ByteBuffer window = bytes[(int) (offset >>> WINDOW_SHIFT)];
      if (window == null) {
        throw closed();
      }
      return window;
    }

    /** How many words of a run one copy can do: those of one window. */
    int run(long offset, int count) {
      long end = Math.min(size, (offset & -WINDOW) + WINDOW);
      return (int) Math.min(Math.min(count, WordRuns.MOST), (end - offset) >>> WORD_SHIFT);
    }

    private IommuException closed() {
      return new IommuException(
          Errno.ENODEV, String.format("the memory at 0x%x+0x%x is closed", base, size));
    }
  }

  private MappedMemory(FileChannel file, FileLayout layout) throws IOException {
    this.layout = layout;
    pages = layout.newAllocator();
    List<FileLayout.Range> ranges = layout.ranges();
    regions = new Region[ranges.size()];
    for (int i = 0; i < regions.length; i++) {
      regions[i] = new Region(file, ranges.get(i));
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
  public static MappedMemory open(Path file, FileLayout layout) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (channel.size() < layout.fileSize()) {
        throw new IOException(
            String.format(
                "%s has 0x%x bytes; memory at %s needs 0x%x",
                file, channel.size(), layout, layout.fileSize()));
      }
      return new MappedMemory(channel, layout);
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
  public static MappedMemory create(Path file, FileLayout layout) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE)) {
      channel.write(ByteBuffer.allocate(1), layout.fileSize() - 1);
      return new MappedMemory(channel, layout);
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
    long offset = address - region.base;
    return region.words(offset).get(word(offset));
  }

  @Override
  public void write(long address, long value) {
    Region region = region(address, "write");
    long offset = address - region.base;
    region.words(offset).put(word(offset), value);
  }

  @Override
  public long readAcquire(long address) {
    Region region = region(address, "read");
    long offset = address - region.base;
    return (long) WORD.getAcquire(region.bytes(offset), index(offset));
  }

  @Override
  public void writeRelease(long address, long value) {
    Region region = region(address, "write");
    long offset = address - region.base;
    WORD.setRelease(region.bytes(offset), index(offset), value);
  }

  @Override
  public boolean compareAndSet(long address, long expected, long value) {
    Region region = region(address, "compare and set");
    long offset = address - region.base;
    return WORD.compareAndSet(region.bytes(offset), index(offset), expected, value);
  }

  @Override
  public void fill(long address, int count, long value) {
    if (count >= FEW) {
      long[] values = scratch.get();
      Arrays.fill(values, 0, Math.min(count, WordRuns.MOST), value);
      copy(address, count, values);
      return;
    }
    long at = address;
    for (int left = count; left > 0; ) {
      Region region = region(at, "write");
      long offset = at - region.base;
      int n = region.run(offset, left);
      LongBuffer words = region.words(offset);
      int from = word(offset);
      for (int i = 0; i < n; i++) {
        words.put(from + i, value);
      }
      left -= n;
      at += (long) n << WORD_SHIFT;
    }
  }

  @Override
  public void clear(long address, int count) {
    if (count >= FEW) {
      copy(address, count, WordRuns.zeroes());
    } else {
      fill(address, count, 0);
    }
  }

  /** Copies the first words again and again; the JVM copies aligned words whole. */
  private void copy(long address, int count, long[] values) {
    long at = address;
    for (int left = count; left > 0; ) {
      Region region = region(at, "write");
      long offset = at - region.base;
      int n = region.run(offset, left);
      region.words(offset).put(word(offset), values, 0, n);
      left -= n;
      at += (long) n << WORD_SHIFT;
    }
  }

  @Override
  public void fillRising(long address, int count, long first, int shift) {
    long at = address;
    long value = first;
    for (int left = count; left > 0; ) {
      Region region = region(at, "write");
      long offset = at - region.base;
      int n = region.run(offset, left);
      rise(region.words(offset), word(offset), n, value, shift);
      left -= n;
      at += (long) n << WORD_SHIFT;
      value += (long) n << shift;
    }
  }

  /** The JIT makes vectors of the loop that fills an array, and hardly of one over a buffer. */
  private void rise(LongBuffer words, int from, int count, long first, int shift) {
    if (count >= FEW) {
      long[] values = scratch.get();
      WordRuns.rise(values, count, first, shift);
      words.put(from, values, 0, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      words.put(from + i, first + ((long) i << shift));
    }
  }

  @Override
  public int leadingZeroes(long address, int count) {
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << WORD_SHIFT);
      Region region = region(at, "read");
      long offset = at - region.base;
      int n = region.run(offset, count - done);
      int zeroes = zeroes(region.words(offset), word(offset), n);
      done += zeroes;
      if (zeroes < n) {
        break;
      }
    }
    return done;
  }

  private int zeroes(LongBuffer words, int from, int count) {
    int i = 0;
    while (i < count && i < FEW && words.get(from + i) == 0) {
      i++;
    }
    if (i < FEW || i == count) {
      return i;
    }
    long[] copy = scratch.get();
    words.get(from + i, copy, 0, count - i);
    return i + WordRuns.leadingZeroes(copy, count - i);
  }

  @Override
  public int leadingMarked(long address, int count, long mask) {
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << WORD_SHIFT);
      Region region = region(at, "read");
      long offset = at - region.base;
      int n = region.run(offset, count - done);
      int marked = marked(region.words(offset), word(offset), n, mask);
      done += marked;
      if (marked < n) {
        break;
      }
    }
    return done;
  }

  private int marked(LongBuffer words, int from, int count, long mask) {
    int i = 0;
    while (i < count && i < FEW && (words.get(from + i) & mask) != 0) {
      i++;
    }
    if (i < FEW || i == count) {
      return i;
    }
    long[] copy = scratch.get();
    words.get(from + i, copy, 0, count - i);
    return i + WordRuns.leadingMarked(copy, count - i, mask);
  }

  /**
   * Forgets the file; a second call does nothing. What was written stays in the file, and is seen
   * by whoever has it mapped or maps it later.
   */
  @Override
  public void close() {
    for (Region region : regions) {
      Arrays.fill(region.words, null);
      Arrays.fill(region.bytes, null);
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

  /** Where a byte is in its window. */
  private static int index(long offset) {
    return (int) (offset & (WINDOW - 1));
  }

  private static int word(long offset) {
    return index(offset) >>> WORD_SHIFT;
  }
}
