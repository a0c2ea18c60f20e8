package org.iommu4j.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.PhysicalMemory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class HeapMemoryTest {
  private static final long MIB = 1L << 20;

  private final HeapMemory memory = HeapMemory.builder().base(0x10_0000).size(4 * MIB).build();

  private static void assertRefused(Errno errno, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            IommuException.class, refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  @Test
  void untouchedMemoryIsZeroEverywhere() {
    assertThat(memory.read(memory.base())).isZero();
    assertThat(memory.readAcquire(0x20_0ff8)).isZero();
    assertThat(memory.read(memory.last() - 7)).isZero();
  }

  @Test
  void anyWordCanBeWrittenWithoutAllocatingAPage() {
    memory.write(0x10_0000, 1);
    memory.writeRelease(0x10_0008, 2);
    memory.write(memory.last() - 7, -3);

    assertThat(memory.read(0x10_0000)).isEqualTo(1);
    assertThat(memory.readAcquire(0x10_0008)).isEqualTo(2);
    assertThat(memory.read(0x10_0010)).isZero();
    assertThat(memory.readAcquire(memory.last() - 7)).isEqualTo(-3);
    assertThat(memory.allocatedPages()).isZero();
  }

  @Test
  void compareAndSetWritesOnlyOverTheExpectedValue() {
    assertThat(memory.compareAndSet(0x20_0000, 5, 6)).isFalse();
    assertThat(memory.read(0x20_0000)).isZero();
    assertThat(memory.compareAndSet(0x20_0000, 0, 6)).isTrue();
    assertThat(memory.compareAndSet(0x20_0000, 6, 7)).isTrue();
    assertThat(memory.read(0x20_0000)).isEqualTo(7);
  }

  @Test
  void accessesOutsideAreFaults() {
    long below = 0x10_0000 - 8;
    long above = memory.last() + 1;
    assertRefused(Errno.EFAULT, () -> memory.read(below));
    assertRefused(Errno.EFAULT, () -> memory.write(above, 0));
    assertRefused(Errno.EFAULT, () -> memory.readAcquire(-8));
    assertRefused(Errno.EFAULT, () -> memory.writeRelease(0, 0));
    assertRefused(Errno.EFAULT, () -> memory.compareAndSet(above, 0, 0));
  }

  @Test
  void misalignedAccessesAreInvalid() {
    assertRefused(Errno.EINVAL, () -> memory.read(0x10_0004));
    assertRefused(Errno.EINVAL, () -> memory.write(0x10_0001, 0));
    assertRefused(Errno.EINVAL, () -> memory.readAcquire(0x10_0007));
    assertRefused(Errno.EINVAL, () -> memory.writeRelease(0x10_0002, 0));
    assertRefused(Errno.EINVAL, () -> memory.compareAndSet(0x10_0004, 0, 0));
  }

  @Test
  void refusalsNameTheAddressInHex() {
    assertThatThrownBy(() -> memory.read(0x7008))
        .hasMessage("EFAULT: cannot read at 0x7008: outside the memory at 0x100000+0x400000");
  }

  @Test
  void pagesComeFromTheTopZeroedAndInTurn() {
    long first = memory.allocatePage();
    long second = memory.allocatePage();

    assertThat(first).isEqualTo(0x4f_f000);
    assertThat(second).isEqualTo(0x4f_e000);
    assertThat(memory.allocatedPages()).isEqualTo(2);
  }

  @Test
  void aPageThatCameBackIsReusedFirstAndZeroed() {
    long page = memory.allocatePage();
    memory.allocatePage();
    memory.write(page, 1);
    memory.write(page + 0xff8, 2);
    memory.freePage(page);
    memory.write(page + 8, 3);

    assertThat(memory.allocatePage()).isEqualTo(page);
    for (long at = page; at < page + PhysicalMemory.PAGE_SIZE; at += 8) {
      assertThat(memory.read(at)).isZero();
    }
  }

  @Test
  void ramThatBecomesATableIsZeroed() {
    memory.write(0x4f_f010, 1);

    assertThat(memory.read(memory.allocatePage() + 0x10)).isZero();
  }

  @Test
  void onlyAllocatedPagesCanBeFreedAndOnlyOnce() {
    long page = memory.allocatePage();

    assertRefused(Errno.EINVAL, () -> memory.freePage(page + 8));
    assertRefused(Errno.EINVAL, () -> memory.freePage(page - 0x1000));
    assertRefused(Errno.EINVAL, () -> memory.freePage(0));
    assertRefused(Errno.EINVAL, () -> memory.freePage(memory.last() + 1));
    assertRefused(Errno.EINVAL, () -> memory.freePage(-0x1000));
    assertThat(memory.allocatedPages()).isEqualTo(1);

    memory.freePage(page);
    assertRefused(Errno.EINVAL, () -> memory.freePage(page));
    assertThat(memory.allocatedPages()).isZero();
  }

  @Test
  void thePageLimitIsAHardOne() {
    HeapMemory small = HeapMemory.builder().pageLimit(2).build();
    long page = small.allocatePage();
    small.allocatePage();

    assertRefused(Errno.ENOMEM, small::allocatePage);
    small.freePage(page);
    assertThat(small.allocatePage()).isEqualTo(page);
    assertRefused(Errno.ENOMEM, small::allocatePage);
    assertThat(small.allocatedPages()).isEqualTo(2);
  }

  @Test
  void addressZeroIsMemoryButNeverATable() {
    HeapMemory tiny = HeapMemory.ofSize(3 * 4096);
    tiny.write(0, 42);

    assertThat(tiny.allocatePage()).isEqualTo(0x2000);
    assertThat(tiny.allocatePage()).isEqualTo(0x1000);
    assertRefused(Errno.ENOMEM, tiny::allocatePage);
    assertThat(tiny.read(0)).isEqualTo(42);
    assertThat(HeapMemory.ofSize(4096).allocatedPages()).isZero();
    assertRefused(Errno.ENOMEM, () -> HeapMemory.ofSize(4096).allocatePage());
  }

  @Test
  void aMemoryMayEndAtTheEndOfTheAddressSpace() {
    HeapMemory high = HeapMemory.builder().base(-0x2000).size(0x2000).build();
    long page = high.allocatePage();

    assertThat(page).isEqualTo(-0x1000);
    assertThat(high.last()).isEqualTo(-1);
    high.write(-8, 9);
    assertThat(high.read(-8)).isEqualTo(9);
    high.freePage(page);
    assertRefused(Errno.EFAULT, () -> high.read(0));
  }

  @Test
  void impossibleDimensionsAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> HeapMemory.ofSize(0));
    assertThatIllegalArgumentException().isThrownBy(() -> HeapMemory.ofSize(-4096));
    assertThatIllegalArgumentException().isThrownBy(() -> HeapMemory.ofSize(4097));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HeapMemory.ofSize(HeapMemory.MAX_SIZE + 4096));
    assertThatIllegalArgumentException().isThrownBy(() -> HeapMemory.builder().base(8));
    assertThatIllegalArgumentException().isThrownBy(() -> HeapMemory.builder().pageLimit(-1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HeapMemory.builder().base(-0x1000).size(0x2000).build());
  }

  @Test
  void theLargestMemoryTakesUpOnlyWhatIsWritten() {
    HeapMemory huge = HeapMemory.ofSize(HeapMemory.MAX_SIZE);
    huge.write(0x23_4567_8000L, 0);
    huge.write(0xff_ffff_f000L, 1);

    assertThat(huge.read(0xff_ffff_f000L)).isEqualTo(1);
    assertThat(huge.allocatePage()).isEqualTo(0xff_ffff_f000L);
  }

  @Test
  void itsTextSaysWhereItIs() {
    assertThat(memory).hasToString("memory 0x100000+0x400000, 0x0 pages allocated");
    assertThat(memory.size()).isEqualTo(4 * MIB);
  }

  @Test
  @Timeout(60)
  void threadsNeverGetOnePageTwiceNorLoseAFirstWrite() throws Exception {
    int each = 200;
    CyclicBarrier start = new CyclicBarrier(2);
    Worker one = new Worker(memory, start, each, 0);
    Worker two = new Worker(memory, start, each, 8);
    one.start();
    two.start();
    one.join();
    two.join();

    Set<Long> pages = new HashSet<>(one.pages);
    pages.addAll(two.pages);
    assertThat(one.failure).isNull();
    assertThat(two.failure).isNull();
    assertThat(pages).hasSize(2 * each);
    assertThat(memory.allocatedPages()).isEqualTo(2L * each);
    for (int i = 0; i < each; i++) {
      long frame = memory.base() + i * 4096L;
      assertThat(memory.read(frame)).isEqualTo(i + 1);
      assertThat(memory.read(frame + 8)).isEqualTo(i + 1);
    }
  }

  private static final class Worker extends Thread {
    final Set<Long> pages = new HashSet<>();
    private final HeapMemory memory;
    private final CyclicBarrier start;
    private final int count;
    private final int offset;
    @Nullable Exception failure;

    Worker(HeapMemory memory, CyclicBarrier start, int count, int offset) {
      this.memory = memory;
      this.start = start;
      this.count = count;
      this.offset = offset;
    }

    @Override
    public void run() {
      try {
        start.await();
        for (int i = 0; i < count; i++) {
          memory.write(memory.base() + i * 4096L + offset, i + 1);
          long page = memory.allocatePage();
          memory.freePage(page);
          pages.add(memory.allocatePage());
        }
      } catch (Exception broken) {
        failure = broken;
      }
    }
  }
}
