package org.iommu4j.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.random.RandomGenerator;
import org.iommu4j.api.Device;
import org.iommu4j.api.Prot;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.WatchedDma;

/**
 * A device with its driver: lends buffers, has them read and written, checks that the data are the
 * same on both sides, takes the buffers back, and sometimes lets the device try once more after
 * that.
 */
final class DmaActor implements Actor {
  private static final int BUFFERS = 8;
  private static final int BUFFER_SIZE = 4 * PhysicalMemory.PAGE_SIZE;

  /** A buffer in the hands of the device. */
  private record Loan(int buffer, long paddr, long iova, long size) {}

  private final Device device;
  private final WatchedDma dma;
  private final PhysicalMemory memory;
  private final Problems problems;
  private final long buffers;
  private final boolean[] lent = new boolean[BUFFERS];
  private final List<Loan> loans = new ArrayList<>();

  private final LongAdder lends = new LongAdder();
  private final LongAdder takenBack = new LongAdder();
  private final LongAdder reads = new LongAdder();
  private final LongAdder writes = new LongAdder();
  private final LongAdder refusedAfterwards = new LongAdder();
  private final LongAdder reachedAfterwards = new LongAdder();

  DmaActor(FakeMachine machine, Device device, Problems problems) {
    this.device = device;
    this.problems = problems;
    dma = machine.dma(device);
    memory = machine.hardware().memory();
    buffers = machine.allocateMemory((long) BUFFERS * BUFFER_SIZE);
  }

  Device device() {
    return device;
  }

  long lends() {
    return lends.sum();
  }

  long takenBack() {
    return takenBack.sum();
  }

  long reads() {
    return reads.sum();
  }

  long writes() {
    return writes.sum();
  }

  /** How often the device tried memory that had been taken back, in vain. */
  long refusedAfterwards() {
    return refusedAfterwards.sum();
  }

  /** How often it still got there: allowed before a lazy flush. */
  long reachedAfterwards() {
    return reachedAfterwards.sum();
  }

  @Override
  public void step(RandomGenerator random) {
    int dice = random.nextInt(10);
    if (loans.isEmpty() || (dice < 3 && loans.size() < BUFFERS)) {
      lend(random);
    } else if (dice < 7) {
      exchange(loans.get(random.nextInt(loans.size())), random);
    } else {
      takeBack(loans.remove(random.nextInt(loans.size())), random.nextBoolean());
    }
  }

  private void lend(RandomGenerator random) {
    int buffer = random.nextInt(BUFFERS);
    while (lent[buffer]) {
      buffer = (buffer + 1) % BUFFERS;
    }
    long offset = 8L * random.nextInt(PhysicalMemory.PAGE_SIZE / 8);
    long size = 8L * (1 + random.nextInt((int) (BUFFER_SIZE - offset) / 8));
    long paddr = buffers + (long) buffer * BUFFER_SIZE + offset;
    long iova = dma.map(paddr, size, Prot.RW);
    lent[buffer] = true;
    loans.add(new Loan(buffer, paddr, iova, size));
    lends.increment();
  }

  private void exchange(Loan loan, RandomGenerator random) {
    long offset = 8L * random.nextInt((int) (loan.size() / 8));
    long value = random.nextLong();
    try {
      if (random.nextBoolean()) {
        dma.write(loan.iova() + offset, value);
        writes.increment();
        compare("the CPU reads", memory.readAcquire(loan.paddr() + offset), value, loan);
      } else {
        memory.writeRelease(loan.paddr() + offset, value);
        reads.increment();
        compare("the device reads", dma.read(loan.iova() + offset), value, loan);
      }
    } catch (DmaFault refused) {
      problems.add(device + " was refused memory it was lent: " + refused.getMessage());
    }
  }

  private void compare(String who, long found, long expected, Loan loan) {
    if (found != expected) {
      problems.add(
          String.format(
              "%s: %s 0x%x, not 0x%x, in the buffer lent at 0x%x",
              device, who, found, expected, loan.iova()));
    }
  }

  private void takeBack(Loan loan, boolean tryAgain) {
    dma.unmap(loan.iova(), loan.size());
    lent[loan.buffer()] = false;
    takenBack.increment();
    if (tryAgain) {
      try {
        var unused = dma.read(loan.iova());
        reachedAfterwards.increment();
      } catch (DmaFault refused) {
        refusedAfterwards.increment();
      }
    }
  }

  @Override
  public void finish() {
    loans.forEach(loan -> takeBack(loan, false));
    loans.clear();
  }

  @Override
  public String toString() {
    return "the DMA of " + device;
  }
}
