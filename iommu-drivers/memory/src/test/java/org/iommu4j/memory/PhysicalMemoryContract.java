package org.iommu4j.memory;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PageArrays;
import org.iommu4j.spi.PhysicalMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every implementation of {@link PhysicalMemory} does. */
public abstract class PhysicalMemoryContract {
  protected static final long BASE = 0x8000_0000L;
  protected static final long SIZE = 4L << 20;
  private static final long LAST_WORD = BASE + SIZE - 8;
  private static final int TABLE = 512;

  /** A memory full of zeroes, which the test may leave open. */
  protected abstract PhysicalMemory create(long base, long bytes, long pageLimit) throws Exception;

  private PhysicalMemory memory() throws Exception {
    return create(BASE, SIZE, Integer.MAX_VALUE);
  }

  protected static void assertRefused(Errno errno, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            IommuException.class, refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  // Single words.

  @Test
  void nothingWrittenIsZero() throws Exception {
    PhysicalMemory memory = memory();
    assertThat(memory.read(BASE)).isZero();
    assertThat(memory.readAcquire(LAST_WORD)).isZero();
    assertThat(memory.leadingZeroes(BASE, (int) (SIZE / 8))).isEqualTo((int) (SIZE / 8));
  }

  @Test
  void allModesSeeOneWord() throws Exception {
    PhysicalMemory memory = memory();
    for (long at : new long[] {BASE, BASE + 0x1238, LAST_WORD}) {
      memory.write(at, 0x0123_4567_89ab_cdefL);
      assertThat(memory.readAcquire(at)).isEqualTo(0x0123_4567_89ab_cdefL);
      memory.writeRelease(at, -2);
      assertThat(memory.read(at)).isEqualTo(-2);
      assertThat(memory.compareAndSet(at, -3, 1)).isFalse();
      assertThat(memory.read(at)).isEqualTo(-2);
      assertThat(memory.compareAndSet(at, -2, 1)).isTrue();
      assertThat(memory.readAcquire(at)).isEqualTo(1);
    }
    assertThat(memory.read(BASE + 8)).isZero();
    assertThat(memory.read(LAST_WORD - 8)).isZero();
  }

  @Test
  void outsideIsAFault() throws Exception {
    PhysicalMemory memory = memory();
    for (long at : new long[] {BASE - 8, BASE + SIZE, 0, -8, BASE + (1L << 32), Long.MIN_VALUE}) {
      assertRefused(Errno.EFAULT, () -> memory.read(at));
      assertRefused(Errno.EFAULT, () -> memory.write(at, 1));
      assertRefused(Errno.EFAULT, () -> memory.readAcquire(at));
      assertRefused(Errno.EFAULT, () -> memory.writeRelease(at, 1));
      assertRefused(Errno.EFAULT, () -> memory.compareAndSet(at, 0, 1));
      assertRefused(Errno.EFAULT, () -> memory.fill(at, 1, 1));
      assertRefused(Errno.EFAULT, () -> memory.fillRising(at, 100, 1, 12));
      assertRefused(Errno.EFAULT, () -> memory.clear(at, 100));
      assertRefused(Errno.EFAULT, () -> memory.leadingZeroes(at, 1));
      assertRefused(Errno.EFAULT, () -> memory.leadingMarked(at, 1, 1));
    }
  }

  @Test
  void betweenWordsIsInvalid() throws Exception {
    PhysicalMemory memory = memory();
    for (int off = 1; off < 8; off++) {
      long at = BASE + 0x100 + off;
      assertRefused(Errno.EINVAL, () -> memory.read(at));
      assertRefused(Errno.EINVAL, () -> memory.write(at, 1));
      assertRefused(Errno.EINVAL, () -> memory.readAcquire(at));
      assertRefused(Errno.EINVAL, () -> memory.writeRelease(at, 1));
      assertRefused(Errno.EINVAL, () -> memory.compareAndSet(at, 0, 1));
      assertRefused(Errno.EINVAL, () -> memory.fill(at, 1, 1));
      assertRefused(Errno.EINVAL, () -> memory.fillRising(at, 100, 1, 12));
      assertRefused(Errno.EINVAL, () -> memory.clear(at, 100));
      assertRefused(Errno.EINVAL, () -> memory.leadingZeroes(at, 100));
      assertRefused(Errno.EINVAL, () -> memory.leadingMarked(at, 100, 1));
    }
    assertThat(memory.leadingZeroes(BASE, TABLE)).isEqualTo(TABLE);
  }

  @Test
  void refusalsNameTheAddressInHex() throws Exception {
    PhysicalMemory memory = memory();
    assertThatThrownBy(() -> memory.read(0x7008))
        .hasMessage("EFAULT: cannot read at 0x7008: outside the memory at 0x80000000+0x400000");
    assertThatThrownBy(() -> memory.writeRelease(0x8000_0009L, 1))
        .hasMessage("EINVAL: cannot write at 0x80000009: not a multiple of 8");
  }

  @Test
  void itMayEndAtTheEndOfTheAddressSpace() throws Exception {
    PhysicalMemory memory = create(-0x2000, 0x2000, Integer.MAX_VALUE);
    assertThat(memory.allocatePage()).isEqualTo(-0x1000);
    assertThat(memory.allocatedPageAddresses()).containsExactly(-0x1000);
    memory.fill(-0x2000, 1024, 7);
    assertThat(memory.read(-8)).isEqualTo(7);
    assertRefused(Errno.EFAULT, () -> memory.read(0));
    memory.freePage(-0x1000);
    assertRefused(Errno.EINVAL, () -> memory.freePage(0));
  }

  // Pages as arrays.

  /** What is said of {@link PhysicalMemory#arrays}; a memory may have none. */
  @Test
  void arraysAreTheMemory() throws Exception {
    PhysicalMemory memory = memory();
    assumeThat(memory.arrays()).isNotNull();
    PageArrays arrays = requireNonNull(memory.arrays());
    assertThat(memory.arrays()).isSameAs(arrays);
    long page = BASE >>> 12;
    memory.write(BASE + 0x3008, 5);
    long[] words = arrays.page(page + 3);
    assertThat(words).hasSize(TABLE);
    assertThat(words[1]).isEqualTo(5);
    words[2] = 6;
    assertThat(memory.read(BASE + 0x3010)).isEqualTo(6);
    assertThat(arrays.page(page + 3)).isSameAs(words);
    assertThat(arrays.peek(page + 3)).isSameAs(words);
    assertThat(arrays.peek(page + 4)).isNull();
    assertThat(arrays.page(page + 4)[0]).isZero();
    memory.freePage(memory.allocatePage());
    assertThat(arrays.page(page + 3)).isSameAs(words);
    long pages = SIZE >>> 12;
    for (long at : new long[] {page - 1, page + pages, 0, -1, page + (1L << 32), 1L << 63}) {
      assertRefused(Errno.EFAULT, () -> arrays.page(at));
    }
    assertThat(arrays.page(page + pages - 1)).hasSize(TABLE);
    PageArrays three = requireNonNull(create(BASE, 0x3000, Integer.MAX_VALUE).arrays());
    assertRefused(Errno.EFAULT, () -> three.page(page + 3));
  }

  /** They are pages as others, and do not spoil those. */
  @Test
  void pagesToFillAreAllocatedPages() throws Exception {
    PhysicalMemory memory = create(BASE, SIZE, 2);
    long page = memory.allocateToFill();
    memory.fill(page, TABLE, -1);
    assertThat(memory.allocatedPageAddresses()).containsExactly(page);
    long other = memory.allocateToFill();
    assertThat(other).isNotEqualTo(page);
    assertRefused(Errno.ENOMEM, memory::allocateToFill);
    memory.freePage(page);
    long again = memory.allocatePage();
    assertThat(memory.leadingZeroes(again, TABLE)).isEqualTo(TABLE);
  }

  // Runs of words.

  /** Strides of every shift, runs that are short, long, unaligned and longer than a table. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 10, 12, 14, 16, 21, 30, 52, 63})
  void risingRunsAreLoops(int shift) throws Exception {
    PhysicalMemory memory = memory();
    for (int count : new int[] {0, 1, 2, 15, 16, 17, 63, 64, 511, 512, 513, 1500}) {
      for (int from : new int[] {1, 7, 300, 512}) {
        long first = 0x8000_0000_0000_0003L + from;
        memory.fill(BASE, 2100, -1);
        memory.fillRising(BASE + from * 8L, count, first, shift);
        for (int i = -1; i <= count; i++) {
          boolean inside = i >= 0 && i < count;
          assertThat(memory.read(BASE + (from + i) * 8L))
              .as("word %d of %d from %d", i, count, from)
              .isEqualTo(inside ? first + ((long) i << shift) : -1);
        }
      }
    }
  }

  /** Random operations on runs, each compared with the same on an array. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void runsAreLoops(int which) throws Exception {
    var random = new SplittableRandom(Long.getLong("iommu4j.seed", 1) + which);
    PhysicalMemory memory = memory();
    long[] model = new long[4 * TABLE];
    for (int step = 0; step < 400; step++) {
      int from = random.nextInt(model.length);
      int count = random.nextInt(random.nextBoolean() ? 20 : 1200);
      int fitting = Math.min(count, model.length - from);
      change(memory, model, random, from, fitting);
      int probe = random.nextInt(model.length);
      compare(memory, model, probe, Math.min(1200, model.length - probe));
    }
    for (int i = 0; i < model.length; i++) {
      assertThat(memory.read(BASE + i * 8L)).isEqualTo(model[i]);
    }
  }

  private static void change(
      PhysicalMemory memory, long[] model, SplittableRandom random, int from, int count) {
    long at = BASE + from * 8L;
    long value = random.nextLong() | 4;
    switch (random.nextInt(4)) {
      case 0 -> {
        memory.fill(at, count, value);
        Arrays.fill(model, from, from + count, value);
      }
      case 1 -> {
        int shift = random.nextInt(64);
        memory.fillRising(at, count, value, shift);
        Arrays.setAll(
            model,
            i -> i < from || i >= from + count ? model[i] : value + ((i - (long) from) << shift));
      }
      default -> {
        memory.clear(at, count);
        Arrays.fill(model, from, from + count, 0);
      }
    }
  }

  private static void compare(PhysicalMemory memory, long[] model, int from, int count) {
    int zeroes = 0;
    while (zeroes < count && model[from + zeroes] == 0) {
      zeroes++;
    }
    int marked = 0;
    while (marked < count && (model[from + marked] & 5) != 0) {
      marked++;
    }
    int negative = 0;
    while (negative < count && model[from + negative] < 0) {
      negative++;
    }
    long at = BASE + from * 8L;
    assertThat(memory.leadingZeroes(at, count)).isEqualTo(zeroes);
    assertThat(memory.leadingMarked(at, count, 5)).isEqualTo(marked);
    assertThat(memory.leadingMarked(at, count, Long.MIN_VALUE)).isEqualTo(negative);
    assertThat(memory.leadingMarked(at, count, 0)).isZero();
  }

  @Test
  void runsOfNothingDoNothing() throws Exception {
    PhysicalMemory memory = memory();
    memory.fill(BASE, 0, 1);
    memory.fillRising(BASE, 0, 1, 12);
    memory.clear(BASE, 0);
    assertThat(memory.leadingZeroes(BASE, 0)).isZero();
    assertThat(memory.leadingMarked(BASE, 0, 1)).isZero();
    assertThat(memory.read(BASE)).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 16, 100, 1000})
  void runsEndAtTheEndOfTheMemory(int count) throws Exception {
    PhysicalMemory memory = memory();
    long fitting = LAST_WORD - (count - 1) * 8L;
    memory.fill(fitting, count, 5);
    assertThat(memory.leadingMarked(fitting, count, 1)).isEqualTo(count);
    assertRefused(Errno.EFAULT, () -> memory.fill(fitting + 8, count, 6));
    assertRefused(Errno.EFAULT, () -> memory.fillRising(fitting + 8, count, 6, 12));
    assertRefused(Errno.EFAULT, () -> memory.clear(fitting + 8, count));
    memory.fill(fitting, count, 0);
    assertRefused(Errno.EFAULT, () -> memory.leadingZeroes(fitting + 8, count));
    assertThat(memory.read(fitting)).isZero();
  }

  // Pages.

  @Test
  void pagesAreLentFromTheTopZeroedAndOnce() throws Exception {
    PhysicalMemory memory = memory();
    memory.fill(BASE + SIZE - 0x2000, 1024, -1);
    long first = memory.allocatePage();
    long second = memory.allocatePage();
    assertThat(first).isEqualTo(BASE + SIZE - 0x1000);
    assertThat(second).isEqualTo(BASE + SIZE - 0x2000);
    assertThat(memory.leadingZeroes(second, 1024)).isEqualTo(1024);
    memory.write(first + 8, 3);
    memory.freePage(first);
    memory.write(first + 0xff8, 4);
    assertThat(memory.allocatePage()).isEqualTo(first);
    assertThat(memory.leadingZeroes(first, TABLE)).isEqualTo(TABLE);
  }

  @Test
  void onlyWhatIsLentComesBackAndOnlyOnce() throws Exception {
    PhysicalMemory memory = memory();
    long page = memory.allocatePage();
    for (long never : new long[] {page + 8, page - 0x1000, BASE, 0, BASE + SIZE, BASE - 0x1000}) {
      assertRefused(Errno.EINVAL, () -> memory.freePage(never));
    }
    assertRefused(Errno.EINVAL, () -> memory.freePage(Long.MIN_VALUE));
    assertRefused(Errno.EINVAL, () -> memory.freePages(page, 2));
    assertRefused(Errno.EINVAL, () -> memory.freePages(page - 0x1000, 2));
    assertThat(memory.allocatedPages()).isEqualTo(1);
    memory.freePage(page);
    assertRefused(Errno.EINVAL, () -> memory.freePage(page));
    assertThat(memory.allocatedPages()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4, 16, 256})
  void adjacentPagesAreAlignedZeroedAndComeBackTogether(int pages) throws Exception {
    PhysicalMemory memory = create(0x3000, SIZE, Integer.MAX_VALUE);
    memory.fill(0x3000, (int) (SIZE / 8), -1);
    memory.allocatePage();
    long first = memory.allocatePages(pages);
    assertThat(first % (pages * 4096L)).isZero();
    assertThat(memory.leadingZeroes(first, pages * TABLE)).isEqualTo(pages * TABLE);
    assertThat(memory.read(first - 8)).isEqualTo(-1);
    assertThat(memory.allocatedPages()).isEqualTo(1 + pages);
    assertRefused(Errno.EINVAL, () -> memory.freePage(first));
    assertRefused(Errno.EINVAL, () -> memory.freePages(first, pages / 2));
    memory.freePages(first, pages);
    assertRefused(Errno.EINVAL, () -> memory.freePages(first, pages));
    assertThat(memory.allocatedPages()).isEqualTo(1);
  }

  @Test
  void runsOfPagesArePowersOfTwo() throws Exception {
    PhysicalMemory memory = memory();
    for (int pages : new int[] {-1, 0, 3, 1 << 17}) {
      assertThatIllegalArgumentException().isThrownBy(() -> memory.allocatePages(pages));
      assertThatIllegalArgumentException().isThrownBy(() -> memory.freePages(BASE, pages));
    }
  }

  @Test
  void aLeakIsReportedByAddress() throws Exception {
    PhysicalMemory memory = memory();
    assertThat(memory.allocatedPageAddresses()).isEmpty();
    long kept = memory.allocatePage();
    long returned = memory.allocatePage();
    long run = memory.allocatePages(4);
    memory.freePage(returned);
    assertThat(memory.allocatedPages()).isEqualTo(5);
    assertThat(memory.allocatedPageAddresses())
        .containsExactly(kept, run + 0x3000, run + 0x2000, run + 0x1000, run);
    memory.freePages(run, 4);
    memory.freePage(kept);
    assertThat(memory.allocatedPageAddresses()).isEmpty();
  }

  @Test
  void theLimitIsAHardOne() throws Exception {
    PhysicalMemory memory = create(BASE, SIZE, 2);
    long page = memory.allocatePage();
    memory.allocatePage();
    assertRefused(Errno.ENOMEM, memory::allocatePage);
    assertRefused(Errno.ENOMEM, () -> memory.allocatePages(2));
    memory.freePage(page);
    assertThat(memory.allocatePage()).isEqualTo(page);
    assertThat(memory.allocatedPages()).isEqualTo(2);
  }

  @Test
  void addressZeroIsNeverATable() throws Exception {
    PhysicalMemory memory = create(0, 0x3000, Integer.MAX_VALUE);
    memory.write(0, 42);
    assertThat(memory.allocatePage()).isEqualTo(0x2000);
    assertThat(memory.allocatePage()).isEqualTo(0x1000);
    assertRefused(Errno.ENOMEM, memory::allocatePage);
    assertThat(memory.read(0)).isEqualTo(42);
  }

  // Threads.

  private static void together(Callable<?> one, Callable<?> two) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Future<?> first = threads.submit(one);
      Future<?> second = threads.submit(two);
      first.get();
      second.get();
    } finally {
      threads.shutdownNow();
    }
  }

  /** What was written before a release is seen after the acquire that reads its value. */
  @Test
  @Timeout(120)
  void releaseAndAcquirePublish() throws Exception {
    PhysicalMemory memory = memory();
    int rounds = 1_000;
    long flag = BASE + SIZE / 2;
    together(
        () -> {
          for (long round = 1; round <= rounds; round++) {
            memory.fillRising(BASE, 40, round, 0);
            memory.write(BASE + 0x2000, round);
            memory.writeRelease(flag, 2 * round - 1);
            await(memory, flag, 2 * round);
          }
          return null;
        },
        () -> {
          for (long round = 1; round <= rounds; round++) {
            await(memory, flag, 2 * round - 1);
            assertThat(memory.read(BASE + 0x2000)).isEqualTo(round);
            for (int i = 0; i < 40; i++) {
              assertThat(memory.read(BASE + i * 8L)).isEqualTo(round + i);
            }
            memory.writeRelease(flag, 2 * round);
          }
          return null;
        });
  }

  /** Spins until a word has a value; an interrupt (a timeout, or the other side failed) ends it. */
  protected static void await(PhysicalMemory memory, long at, long value)
      throws InterruptedException {
    for (int spins = 1; memory.readAcquire(at) != value; spins++) {
      Thread.onSpinWait();
      if ((spins & 0xff) == 0) {
        Thread.yield();
      }
      if (Thread.interrupted()) {
        throw new InterruptedException("waiting for a word");
      }
    }
  }

  @Test
  @Timeout(120)
  void compareAndSetLosesNothing() throws Exception {
    PhysicalMemory memory = memory();
    int each = 1_000_000; // long enough to run at the same time, or to be interrupted in between
    CyclicBarrier start = new CyclicBarrier(2);
    Callable<Object> adder =
        () -> {
          start.await();
          for (int i = 0; i < each; i++) {
            add(memory, BASE + 0x808, 1);
          }
          return "done";
        };
    together(adder, adder);
    assertThat(memory.read(BASE + 0x808)).isEqualTo(2L * each);
  }

  protected static void add(PhysicalMemory memory, long at, long more) {
    long old;
    do {
      old = memory.readAcquire(at);
    } while (!memory.compareAndSet(at, old, old + more));
  }

  /** A word in a run that is written and cleared is all there or not at all. */
  @Test
  @Timeout(120)
  void noWordIsSeenHalfWritten() throws Exception {
    PhysicalMemory memory = memory();
    long whole = 0x1234_5678_0000_0000L | 0x9abc_def1L;
    long done = BASE + SIZE / 2;
    together(
        () -> {
          for (int round = 0; round < 20_000; round++) {
            memory.fill(BASE, TABLE, whole);
            memory.clear(BASE, TABLE);
            memory.fillRising(BASE, TABLE, whole, 63);
            memory.clear(BASE, 10);
          }
          memory.writeRelease(done, 1);
          return null;
        },
        () -> {
          long at = BASE;
          while (memory.readAcquire(done) == 0) {
            long seen = memory.read(at);
            assertThat(seen == 0 || (seen & Long.MAX_VALUE) == whole).as("0x%x", seen).isTrue();
            at = BASE + ((at + 0x38) & 0xff8);
          }
          return null;
        });
  }

  @Test
  @Timeout(120)
  void threadsNeverGetOnePageTwice() throws Exception {
    PhysicalMemory memory = memory();
    Callable<Object> user =
        () -> {
          for (int i = 0; i < 5_000; i++) {
            long page = memory.allocatePage();
            assertThat(memory.read(page)).isZero();
            memory.write(page, Thread.currentThread().getId());
            assertThat(memory.read(page)).isEqualTo(Thread.currentThread().getId());
            memory.freePage(page);
          }
          return "done";
        };
    together(user, user);
    assertThat(memory.allocatedPages()).isZero();
  }
}
