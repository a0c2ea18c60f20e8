package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.iommu4j.testkit.SoftTables.READ;
import static org.iommu4j.testkit.SoftTables.RW;
import static org.iommu4j.testkit.SoftTables.WRITE;
import static org.iommu4j.testkit.SoftTables.translate;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.iommu4j.memory.HeapMemory;
import org.iommu4j.spi.PhysicalMemory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The protocol of fills against invalidations, in the orders that matter. */
@Timeout(120)
class SoftHardwareConcurrencyTest {
  private static final int NIC = 0x100;
  private static final int DOMAIN = 7;
  private static final long TARGET = 0x5000_0000;
  private static final long OTHER = 0x6000_0000;

  private final Gate gate = new Gate();
  private final SoftHardware hardware = SoftHardware.builder().memory(gate).build();
  private final SoftTables tables = new SoftTables(hardware);
  private final DmaEngine dma = hardware.dma(NIC);
  private final long root = gate.allocatePage();
  private final ExecutorService device = Executors.newSingleThreadExecutor();

  SoftHardwareConcurrencyTest() {
    tables.setDevice(NIC, translate(DOMAIN, root));
    tables.map(root, 0, TARGET, 0, RW);
    // The device entry is cached, so that an access begins with its page walk.
    assertThatThrownBy(() -> dma.read(0x8000)).isInstanceOf(DmaFault.class);
    hardware.clearFaults();
  }

  @AfterEach
  void stopDevice() {
    device.shutdownNow();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  @Test
  void aFillThatWasUnderWayDoesNotLandAfterAnInvalidation() throws Exception {
    CountDownLatch walked = new CountDownLatch(1);
    CountDownLatch invalidated = new CountDownLatch(1);
    AtomicInteger walks = new AtomicInteger();
    hardware.onWalk(
        () -> {
          if (walks.getAndIncrement() == 0) {
            walked.countDown();
            await(invalidated);
          }
        });
    Future<Long> access = device.submit(() -> dma.read(0));
    await(walked);
    tables.unmap(root, 0, 0);
    tables.invalidateRange(DOMAIN, 0, 0xfff);
    invalidated.countDown();

    assertThatThrownBy(access::get).cause().isInstanceOf(DmaFault.class);
    assertThat(hardware.iotlbSize()).isZero();
    assertThat(walks).hasValue(2);
    assertThat(hardware.staleHits()).isZero();
  }

  @Test
  void aDeviceEntryUnderWayDoesNotLandEither() throws Exception {
    tables.invalidateDevice(NIC);
    CountDownLatch walked = new CountDownLatch(1);
    CountDownLatch invalidated = new CountDownLatch(1);
    hardware.onWalk(
        () -> {
          walked.countDown();
          await(invalidated);
        });
    Future<Long> access = device.submit(() -> dma.read(0));
    await(walked);
    tables.setDevice(NIC, 1);
    tables.invalidateDevice(NIC);
    invalidated.countDown();

    assertThatThrownBy(access::get).cause().hasMessageContaining("BLOCKED");
    assertThat(hardware.staleHits()).isZero();
  }

  @Test
  void aRefusalUnderWayIsThrownAwayToo() {
    tables.unmap(root, 0, 0);
    hardware.onWalk(
        () -> {
          tables.map(root, 0, TARGET, 0, RW);
          tables.invalidateDomain(DOMAIN);
          hardware.onWalk(() -> {});
        });

    assertThat(dma.read(0)).isZero();
    assertThat(hardware.faults()).isEmpty();
  }

  @Test
  void anAccessThatLosesEveryRaceStillEnds() {
    hardware.onWalk(() -> tables.invalidateDomain(DOMAIN));

    assertThat(dma.read(0)).isZero();
    assertThat(hardware.stats().translations()).isEqualTo(2);
    assertThat(hardware.stats().iotlbMisses()).isEqualTo(2);
  }

  @Test
  void anInvalidationWaitsForTheTransferThatUsedTheEntry() throws Exception {
    dma.read(0);
    CountDownLatch transferring = new CountDownLatch(1);
    CountDownLatch transferred = new CountDownLatch(1);
    gate.beforeWrite(
        TARGET,
        () -> {
          transferring.countDown();
          await(transferred);
        });
    Future<?> access = device.submit(() -> dma.write(0, 42));
    await(transferring);
    tables.unmap(root, 0, 0);
    AtomicBoolean returned = new AtomicBoolean();
    Thread driver =
        new Thread(
            () -> {
              tables.invalidateDomain(DOMAIN);
              returned.set(true);
            });
    driver.start();
    while (driver.getState() != Thread.State.BLOCKED) {
      Thread.onSpinWait();
    }

    assertThat(returned).isFalse();
    assertThat(gate.read(TARGET)).isZero();
    transferred.countDown();
    driver.join();
    assertThat(gate.read(TARGET)).isEqualTo(42);
    access.get();
  }

  @Test
  void aMarkLosesAgainstARemovedMapping() {
    tables.map(root, 0, TARGET, 0, READ | WRITE);
    long entry = tables.pageEntry(root, 0, 0);
    gate.beforeCompareAndSet(entry, () -> tables.unmap(root, 0, 0));

    assertThatThrownBy(() -> dma.write(0, 1)).hasMessageContaining("NOT_MAPPED");
    assertThat(gate.read(entry)).isZero();
  }

  /**
   * A driver moves a page to and fro and poisons the place it left, once the invalidation has
   * returned. A device that reads poison used a translation that it should have forgotten.
   */
  @Test
  void noAccessUsesWhatAnInvalidationDropped() throws Exception {
    int rounds = 20_000;
    AtomicBoolean done = new AtomicBoolean();
    Future<Long> accesses =
        device.submit(
            () -> {
              long count = 0;
              while (!done.get()) {
                assertThat(dma.read(0)).isNotEqualTo(-1);
                count++;
              }
              return count;
            });
    long from = TARGET;
    long to = OTHER;
    for (int round = 0; round < rounds; round++) {
      gate.writeRelease(to, round);
      tables.map(root, 0, to, 0, RW);
      if (round % 2 == 0) {
        tables.invalidateRange(DOMAIN, 0, 0xfff);
      } else {
        tables.invalidateDomain(DOMAIN);
      }
      gate.writeRelease(from, -1);
      long left = from;
      from = to;
      to = left;
    }
    done.set(true);

    assertThat(accesses.get()).isPositive();
    assertThat(hardware.faults()).isEmpty();
  }

  /** Memory in which one access can be held up. */
  private static final class Gate implements PhysicalMemory {
    private final HeapMemory memory = HeapMemory.ofSize(1L << 32);
    private volatile long writeAt = -1;
    private volatile long compareAt = -1;
    private volatile Runnable before = () -> {};

    void beforeWrite(long address, Runnable action) {
      before = action;
      writeAt = address;
    }

    void beforeCompareAndSet(long address, Runnable action) {
      before = action;
      compareAt = address;
    }

    @Override
    public void writeRelease(long address, long value) {
      if (address == writeAt) {
        writeAt = -1;
        before.run();
      }
      memory.writeRelease(address, value);
    }

    @Override
    public boolean compareAndSet(long address, long expected, long value) {
      if (address == compareAt) {
        compareAt = -1;
        before.run();
      }
      return memory.compareAndSet(address, expected, value);
    }

    @Override
    public long allocatePage() {
      return memory.allocatePage();
    }

    @Override
    public void freePage(long address) {
      memory.freePage(address);
    }

    @Override
    public long allocatedPages() {
      return memory.allocatedPages();
    }

    @Override
    public long read(long address) {
      return memory.read(address);
    }

    @Override
    public void write(long address, long value) {
      memory.write(address, value);
    }

    @Override
    public long readAcquire(long address) {
      return memory.readAcquire(address);
    }
  }
}
