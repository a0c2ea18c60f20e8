package org.iommu4j.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.LongStream;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * Physical memory on the Java heap, in which only the frames that were written take space.
 *
 * <p>Every address of the memory can be read and written, so one object serves both as the RAM that
 * devices reach by DMA and as the place of their translation tables. Bytes that nobody wrote are 0.
 * Addresses are unsigned; the memory reaches from {@link #base} to {@link #last}, inclusive.
 *
 * <p>{@link #allocatePage} hands out the highest page first and works downwards, and gives a page
 * that came back again before any fresh one. So tables stay clear of the low addresses that a test
 * picks for its buffers, a table that is used after it was freed is soon found to be another one,
 * and the same calls always give the same addresses. The page at address 0 is never handed out.
 *
 * <p>Thread-safe. Reads and writes take no lock and allocate nothing, except for the first write to
 * a frame. Two threads that use plain {@link #read} and {@link #write} on one word need some other
 * ordering between them, as with any plain memory.
 *
 * <p>A memory of up to 1 GiB has one array of frames; a larger one has two levels:
 *
 * <pre>
 *  offset from base:   39 ... 21      20 ... 12       11 ... 3   2 ... 0
 *                      chunk          frame in chunk  word       0
 *                      chunks[]   ->  frames[512]  -> long[512]
 * </pre>
 */
public final class HeapMemory implements PhysicalMemory {
  /** The largest size: 1 TiB. */
  public static final long MAX_SIZE = 1L << 40;

  private static final int MAX_RUN = 1 << 16;
  private static final int PAGE_SHIFT = 12;
  private static final int WORD_SHIFT = 3;
  private static final int WORDS = PAGE_SIZE >> WORD_SHIFT;
  private static final int CHUNK_SHIFT = 21;
  private static final int FRAMES = 1 << (CHUNK_SHIFT - PAGE_SHIFT);

  /** What a page of zeroes is compared with and what rising values are made of; never written. */
  private static final long[] ZEROES = new long[WORDS];

  private static final long[] COUNT = LongStream.range(0, WORDS).toArray();

  /** Below this many words a plain loop is quicker than anything that must be set up. */
  private static final int FEW = 16;

  /** How many words are tested at a time. */
  private static final int BLOCK = 64;

  /** Up to here one array has all frames: a load less on every access, at 4 bytes per frame. */
  private static final long SMALL = 1L << 30;

  private static final VarHandle FRAME = MethodHandles.arrayElementVarHandle(long[][].class);
  private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

  private final long base;
  private final long size;
  private final PagePool pool;

  /** All frames by number, if the memory is small; else there are {@link #chunks}. */
  private final long @Nullable [] @Nullable [] frames;

  private final AtomicReferenceArray<@Nullable AtomicReferenceArray<long @Nullable []>> chunks;

  private HeapMemory(Builder builder) {
    base = builder.base;
    size = builder.size;
    long usable = (size >>> PAGE_SHIFT) - (base == 0 ? 1 : 0);
    pool = new PagePool((int) Math.min(usable, builder.pageLimit), (base + size) >>> PAGE_SHIFT);
    boolean small = size <= SMALL;
    frames = small ? new long[(int) (size >>> PAGE_SHIFT)][] : null;
    long chunked = small ? 0 : size;
    chunks =
        new AtomicReferenceArray<>((int) ((chunked + (1L << CHUNK_SHIFT) - 1) >>> CHUNK_SHIFT));
  }

  /**
   * A memory that begins at address 0, all of which may become tables.
   *
   * @param bytes a multiple of {@link #PAGE_SIZE}, at most {@link #MAX_SIZE}
   * @return a new memory full of zeroes
   * @throws IllegalArgumentException for any other size
   */
  public static HeapMemory ofSize(long bytes) {
    return builder().size(bytes).build();
  }

  /**
   * Starts the description of a memory: 64 MiB from address 0 unless told otherwise.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * The first address.
   *
   * @return a multiple of {@link #PAGE_SIZE}
   */
  public long base() {
    return base;
  }

  /**
   * The size.
   *
   * @return bytes, a multiple of {@link #PAGE_SIZE}
   */
  public long size() {
    return size;
  }

  /**
   * The last address.
   *
   * @return an unsigned, inclusive address
   */
  public long last() {
    return base + size - 1;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IommuException ENOMEM if the configured number of pages is in use
   */
  @Override
  public long allocatePage() {
    int number = pool.take();
    if (number < 0) {
      throw new IommuException(
          Errno.ENOMEM,
          String.format(
              "all 0x%x pages of the memory at 0x%x+0x%x are in use", pool.limit(), base, size));
    }
    long address = base + size - ((number + 1L) << PAGE_SHIFT);
    long[] frame = frame(address - base);
    if (frame != null) {
      Arrays.fill(frame, 0);
    }
    return address;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IommuException EINVAL if it is not the address of an allocated page, as after a second
   *     free
   */
  @Override
  public void freePage(long address) {
    long number = (base + size - address) / PAGE_SIZE - 1;
    if (outside(address - base) || (address & (PAGE_SIZE - 1)) != 0 || !pool.give((int) number)) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "cannot free 0x%x: no page of the memory at 0x%x+0x%x is allocated there",
              address, base, size));
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws IommuException ENOMEM if too few pages are left
   */
  @Override
  public long allocatePages(int pages) {
    int order = order(pages);
    int number = pool.take(order);
    if (number < 0) {
      throw new IommuException(
          Errno.ENOMEM,
          String.format(
              "no 0x%x adjacent pages are left of the 0x%x of the memory at 0x%x+0x%x",
              pages, pool.limit(), base, size));
    }
    long address = base + size - ((number + (long) pages) << PAGE_SHIFT);
    for (int i = 0; i < pages; i++) {
      long[] frame = frame(address + ((long) i << PAGE_SHIFT) - base);
      if (frame != null) {
        Arrays.fill(frame, 0);
      }
    }
    return address;
  }

  private static int order(int pages) {
    if (Integer.bitCount(pages) != 1 || pages > MAX_RUN) {
      throw new IllegalArgumentException(
          "a run of " + pages + " pages is not a power of two up to " + MAX_RUN);
    }
    return Integer.numberOfTrailingZeros(pages);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IommuException EINVAL if no run that begins there is allocated
   */
  @Override
  public void freePages(long address, int pages) {
    int order = order(pages);
    long number = (base + size - address) / PAGE_SIZE - pages;
    if (outside(address - base)
        || (address & (PAGE_SIZE - 1)) != 0
        || number < 0
        || !pool.give((int) number, order)) {
      throw new IommuException(
          Errno.EINVAL,
          String.format(
              "cannot free 0x%x pages at 0x%x: none of the memory at 0x%x+0x%x are allocated there",
              pages, address, base, size));
    }
  }

  @Override
  public long allocatedPages() {
    return pool.used();
  }

  @Override
  public long[] allocatedPageAddresses() {
    long top = base + size - PAGE_SIZE;
    return pool.taken().mapToLong(number -> top - ((long) number << PAGE_SHIFT)).toArray();
  }

  @Override
  public long read(long address) {
    long[] frame = frame(checked(address, "read"));
    return frame == null ? 0 : frame[word(address)];
  }

  @Override
  public void write(long address, long value) {
    frameToWrite(checked(address, "write"))[word(address)] = value;
  }

  @Override
  public long readAcquire(long address) {
    long[] frame = frame(checked(address, "read"));
    return frame == null ? 0 : (long) WORD.getAcquire(frame, word(address));
  }

  @Override
  public void writeRelease(long address, long value) {
    WORD.setRelease(frameToWrite(checked(address, "write")), word(address), value);
  }

  @Override
  public boolean compareAndSet(long address, long expected, long value) {
    long[] frame = frameToWrite(checked(address, "compare and set"));
    return WORD.compareAndSet(frame, word(address), expected, value);
  }

  @Override
  public void fill(long address, int count, long value) {
    long at = address;
    for (int left = count; left > 0; ) {
      long[] frame = frameToWrite(checked(at, "write"));
      int from = word(at);
      int n = Math.min(left, WORDS - from);
      Arrays.fill(frame, from, from + n, value);
      left -= n;
      at += (long) n << WORD_SHIFT;
    }
  }

  @Override
  public void fillRising(long address, int count, long first, int shift) {
    long at = address;
    long value = first;
    for (int left = count; left > 0; ) {
      long[] frame = frameToWrite(checked(at, "write"));
      int from = word(at);
      int n = Math.min(left, WORDS - from);
      rise(frame, from, from + n, value - ((long) from << shift), shift);
      left -= n;
      at += (long) n << WORD_SHIFT;
      value += (long) n << shift;
    }
  }

  /** One index for both arrays: in this form, and hardly another, the JIT makes vectors of it. */
  private static void rise(long[] frame, int from, int to, long origin, int shift) {
    long[] count = COUNT;
    for (int i = from; i < to; i++) {
      frame[i] = origin + (count[i] << shift);
    }
  }

  @Override
  public void clear(long address, int count) {
    long at = address;
    for (int left = count; left > 0; ) {
      long offset = checked(at, "write");
      int from = word(at);
      int n = Math.min(left, WORDS - from);
      long[] frame = frame(offset);
      if (frame != null) {
        Arrays.fill(frame, from, from + n, 0);
      }
      left -= n;
      at += (long) n << WORD_SHIFT;
    }
  }

  @Override
  public int leadingZeroes(long address, int count) {
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << WORD_SHIFT);
      long[] frame = frame(checked(at, "read"));
      int from = word(at);
      int n = Math.min(count - done, WORDS - from);
      int zeroes = frame == null ? n : zeroes(frame, from, n);
      done += zeroes;
      if (zeroes < n) {
        break;
      }
    }
    return done;
  }

  private static int zeroes(long[] frame, int from, int count) {
    if (count < FEW) {
      int i = 0;
      while (i < count && frame[from + i] == 0) {
        i++;
      }
      return i;
    }
    int found = Arrays.mismatch(frame, from, from + count, ZEROES, 0, count);
    return found < 0 ? count : found;
  }

  @Override
  public int leadingMarked(long address, int count, long mask) {
    int done = 0;
    while (done < count) {
      long at = address + ((long) done << WORD_SHIFT);
      long[] frame = frame(checked(at, "read"));
      if (frame == null) {
        break;
      }
      int from = word(at);
      int n = Math.min(count - done, WORDS - from);
      int marked = marked(frame, from, from + n, mask);
      done += marked;
      if (marked < n) {
        break;
      }
    }
    return done;
  }

  /** Whole blocks are tested without a branch, so that the JIT makes vectors of it. */
  private static int marked(long[] frame, int from, int to, long mask) {
    int at = from;
    boolean oneBit = Long.bitCount(mask) == 1;
    while (to - at >= BLOCK && (oneBit ? allHave(frame, at, mask) : allHaveSome(frame, at, mask))) {
      at += BLOCK;
    }
    while (at < to && (frame[at] & mask) != 0) {
      at++;
    }
    return at - from;
  }

  private static boolean allHave(long[] frame, int from, long bit) {
    long all = -1L;
    for (int i = from; i < from + BLOCK; i++) {
      all &= frame[i];
    }
    return (all & bit) != 0;
  }

  private static boolean allHaveSome(long[] frame, int from, long mask) {
    long all = -1L;
    for (int i = from; i < from + BLOCK; i++) {
      long bits = frame[i] & mask;
      all &= bits | -bits; // the sign says whether there was a bit
    }
    return all < 0;
  }

  @Override
  public String toString() {
    return String.format("memory 0x%x+0x%x, 0x%x pages allocated", base, size, pool.used());
  }

  private boolean outside(long offset) {
    return Long.compareUnsigned(offset, size) >= 0;
  }

  /** The offset of a word that may be accessed. */
  private long checked(long address, String operation) {
    long offset = address - base;
    if (outside(offset)) {
      throw new IommuException(
          Errno.EFAULT,
          String.format(
              "cannot %s at 0x%x: outside the memory at 0x%x+0x%x",
              operation, address, base, size));
    }
    if ((address & (Long.BYTES - 1)) != 0) {
      throw new IommuException(
          Errno.EINVAL,
          String.format("cannot %s at 0x%x: not a multiple of 8", operation, address));
    }
    return offset;
  }

  private static int word(long address) {
    return (int) (address >>> WORD_SHIFT) & (WORDS - 1);
  }

  private long @Nullable [] frame(long offset) {
    long @Nullable [] @Nullable [] all = frames;
    if (all != null) {
      // A plain read: whoever misses a frame that another thread makes just now sees its zeroes.
      return all[(int) (offset >>> PAGE_SHIFT)];
    }
    AtomicReferenceArray<long @Nullable []> chunk =
        chunks.getAcquire((int) (offset >>> CHUNK_SHIFT));
    return chunk == null ? null : chunk.getAcquire(frameInChunk(offset));
  }

  private static int frameInChunk(long offset) {
    return (int) (offset >>> PAGE_SHIFT) & (FRAMES - 1);
  }

  private long[] frameToWrite(long offset) {
    long[] frame = frame(offset);
    return frame == null ? makeFrame(offset) : frame;
  }

  /** Two threads may meet here; whoever loses the race uses the winner's arrays. */
  private long[] makeFrame(long offset) {
    if (frames != null) {
      long[] fresh = new long[WORDS];
      int index = (int) (offset >>> PAGE_SHIFT);
      long[] other = (long[]) FRAME.compareAndExchange(frames, index, null, fresh);
      return other == null ? fresh : other;
    }
    int number = (int) (offset >>> CHUNK_SHIFT);
    AtomicReferenceArray<long @Nullable []> chunk = chunks.getAcquire(number);
    if (chunk == null) {
      AtomicReferenceArray<long @Nullable []> fresh = new AtomicReferenceArray<>(FRAMES);
      AtomicReferenceArray<long @Nullable []> other =
          chunks.compareAndExchange(number, null, fresh);
      chunk = other == null ? fresh : other;
    }
    long[] fresh = new long[WORDS];
    long[] other = chunk.compareAndExchange(frameInChunk(offset), null, fresh);
    return other == null ? fresh : other;
  }

  /** Collects the dimensions of a memory. */
  public static final class Builder {
    private long base;
    private long size = 64L << 20;
    private long pageLimit = Integer.MAX_VALUE;

    private Builder() {}

    /**
     * Sets the first address.
     *
     * @param address a multiple of {@link #PAGE_SIZE}; 0 by default
     * @return this
     * @throws IllegalArgumentException if it is misaligned
     */
    public Builder base(long address) {
      if ((address & (PAGE_SIZE - 1)) != 0) {
        throw new IllegalArgumentException(
            String.format("memory cannot begin at 0x%x: not a multiple of 0x1000", address));
      }
      base = address;
      return this;
    }

    /**
     * Sets the size.
     *
     * @param bytes a positive multiple of {@link #PAGE_SIZE}, at most {@link #MAX_SIZE}
     * @return this
     * @throws IllegalArgumentException for any other size
     */
    public Builder size(long bytes) {
      if (bytes <= 0 || bytes > MAX_SIZE || (bytes & (PAGE_SIZE - 1)) != 0) {
        throw new IllegalArgumentException(
            String.format(
                "memory size 0x%x is not a multiple of 0x1000 within 0x1000..0x%x",
                bytes, MAX_SIZE));
      }
      size = bytes;
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
     * Creates the memory.
     *
     * @return a new memory full of zeroes
     * @throws IllegalArgumentException if base and size pass the end of the 64-bit address space
     */
    public HeapMemory build() {
      long last = base + size - 1;
      if (Long.compareUnsigned(last, base) < 0) {
        throw new IllegalArgumentException(
            String.format("memory 0x%x+0x%x passes the end of the address space", base, size));
      }
      return new HeapMemory(this);
    }
  }
}
