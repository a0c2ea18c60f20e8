package org.iommu4j.core.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.core.dma.DmaFixture.assertRefused;
import static org.iommu4j.core.dma.DmaFixture.device;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.Size;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Prot;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The promise (FQ-016, FQ-017, FQ-019): no address and no table page is used again before an
 * invalidation has finished that began after its unmap. {@link StaleHardware} finds every breach.
 */
final class DmaPromiseTest {
  private static final long SEED = Long.getLong("iommu4j.seed", 20230217);
  private static final long PATIENCE_SECONDS = 120;
  private static final long LAST = 0x5_ffff;
  private static final ResvRegion RESERVED =
      ResvRegion.of(0x2_0000, 0x1_0000, Prot.RW, ResvType.DIRECT);

  private enum Kind {
    MAP,
    UNMAP,
    UNMAP_WRONGLY,
    UNMAP_DURING_NEXT_FLUSH,
    TICK,
    SWITCH_LIVE
  }

  private record Step(Kind kind, int offset, int size, int pick) {}

  private record Mapping(long address, long paddr, long size) {
    long firstPage() {
      return address & -StaleHardware.PAGE;
    }

    long lastPage() {
      return (address + size - 1) & -StaleHardware.PAGE;
    }
  }

  @Provide
  Arbitrary<Step> steps() {
    Arbitrary<Kind> kinds =
        Arbitraries.frequency(
            Tuple.of(12, Kind.MAP),
            Tuple.of(10, Kind.UNMAP),
            Tuple.of(1, Kind.UNMAP_WRONGLY),
            Tuple.of(2, Kind.UNMAP_DURING_NEXT_FLUSH),
            Tuple.of(3, Kind.TICK),
            Tuple.of(1, Kind.SWITCH_LIVE));
    return Combinators.combine(
            kinds,
            Arbitraries.integers().between(0, 0xfff),
            Arbitraries.integers().between(1, 0x6000),
            Arbitraries.integers().between(0, 1000))
        .as(Step::new);
  }

  /** One history: a small domain, so that addresses come back soon, and what should be mapped. */
  private static final class History {
    final DmaFixture fixture = new DmaFixture();
    final FakeDomain domain = new FakeDomain(DomainType.DMA, false);
    final DmaMapper mapper;
    final List<Mapping> live = new ArrayList<>();

    History() {
      domain.geometry = new DomainGeometry(0, LAST, true);
      mapper = fixture.setUp(device(RESERVED), domain);
    }

    void run(Step step) {
      switch (step.kind()) {
        case MAP -> map(step);
        case UNMAP -> unmapOne(step.pick());
        case UNMAP_WRONGLY -> unmapWrongly(step);
        case UNMAP_DURING_NEXT_FLUSH -> domain.duringFlush = () -> unmapOne(step.pick());
        case TICK -> fixture.scheduler.advanceMillis(10);
        case SWITCH_LIVE -> fixture.switchLive(domain);
      }
      check();
    }

    private void map(Step step) {
      long paddr = 0x1000_0000L + step.pick() * 0x1_0000L + step.offset();
      long address;
      try {
        address = mapper.map(paddr, step.size(), Prot.RW);
      } catch (IommuException full) {
        assertThat(full.errno()).isEqualTo(Errno.ENOMEM);
        return;
      }
      Mapping made = new Mapping(address, paddr, step.size());
      assertThat(address & 0xfff).isEqualTo(paddr & 0xfff);
      assertThat(made.firstPage()).isBetween(0x1000L, LAST);
      assertThat(made.lastPage()).isBetween(made.firstPage(), LAST);
      assertThat(made.firstPage() > RESERVED.last() || made.lastPage() < RESERVED.start()).isTrue();
      for (Mapping other : live) {
        assertThat(made.firstPage() > other.lastPage() || made.lastPage() < other.firstPage())
            .isTrue();
      }
      live.add(made);
    }

    private void unmapOne(int pick) {
      if (live.isEmpty()) {
        return;
      }
      Mapping gone = live.remove(pick % live.size());
      boolean strict = domain.type() == DomainType.DMA;
      mapper.unmap(gone.address(), gone.size());
      if (strict) {
        assertThat(domain.hardware.access(gone.address())).isEqualTo(-1);
      }
    }

    private void unmapWrongly(Step step) {
      if (!live.isEmpty()) {
        Mapping kept = live.get(step.pick() % live.size());
        assertRefused(Errno.EINVAL, () -> mapper.unmap(kept.address(), kept.size() + 1));
        assertRefused(Errno.EINVAL, () -> mapper.unmap(kept.address() + 1, kept.size()));
      }
    }

    private void check() {
      assertThat(domain.hardware.broken()).isEmpty();
      for (Mapping mapping : live) {
        long last = mapping.size() - 1;
        assertThat(domain.hardware.access(mapping.address())).isEqualTo(mapping.paddr());
        assertThat(domain.hardware.access(mapping.address() + last))
            .isEqualTo(mapping.paddr() + last);
      }
    }

    /** FQ-024: what was handed out and queued is all that was missing. */
    void finish() {
      while (!live.isEmpty()) {
        unmapOne(0);
      }
      fixture.scheduler.advanceMillis(10);
      fixture.scheduler.advanceMillis(10);
      check();
      assertThat(fixture.scheduler.pending()).isZero();
      assertThat(domain.hardware.mappedPages()).isZero();
      for (int i = 0; i < (LAST + 1) / 0x1000 - 1 - 0x10; i++) {
        mapper.map(0x1000_0000L, 0x1000, Prot.RW);
      }
      assertRefused(Errno.ENOMEM, () -> mapper.map(0x1000_0000L, 1, Prot.RW));
    }
  }

  @Property(seed = "20230217") // FQ-005, FQ-016, FQ-017, FQ-019, FQ-024, IOVA-049, DMA-038
  void holdsForEveryHistory(@ForAll @Size(max = 150) List<@From("steps") Step> steps) {
    History history = new History();
    steps.forEach(history::run);
    history.finish();
  }

  @Test
  @Timeout(
      PATIENCE_SECONDS) // FQ-012, FQ-016, CORE-210: several threads, time passing, a live switch
  void holdsUnderTrafficAndALiveSwitch() throws Exception {
    int threads = 3;
    int rounds = 4000;
    DmaFixture fixture = new DmaFixture();
    FakeDomain domain = new FakeDomain(DomainType.DMA, false);
    domain.geometry = new DomainGeometry(0, 0x1f_ffff, true);
    DmaMapper mapper = fixture.setUp(device(), domain);
    AtomicInteger done = new AtomicInteger();
    List<Callable<Void>> work = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      Random random = new Random(SEED + i);
      work.add(
          () -> {
            traffic(domain, mapper, random, rounds);
            done.incrementAndGet();
            return null;
          });
    }
    work.add(
        () -> {
          fixture.switchLive(domain);
          while (done.get() < threads) {
            fixture.scheduler.advanceMillis(10);
            Thread.onSpinWait();
          }
          return null;
        });
    runAll(work);
    fixture.scheduler.advanceMillis(10);
    fixture.scheduler.advanceMillis(10);
    assertThat(domain.hardware.broken()).isEmpty();
    assertThat(domain.hardware.mappedPages()).isZero();
    assertThat(fixture.scheduler.pending()).isZero();
  }

  private static void traffic(FakeDomain domain, DmaMapper mapper, Random random, int rounds) {
    List<Mapping> live = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      long size = 1L + random.nextInt(0x3000);
      long paddr = random.nextInt(1 << 30);
      try {
        live.add(new Mapping(mapper.map(paddr, size, Prot.RW), paddr, size));
      } catch (IommuException full) {
        assertThat(full.errno()).isEqualTo(Errno.ENOMEM);
      }
      if (live.size() > 8 || (!live.isEmpty() && random.nextBoolean())) {
        Mapping gone = live.remove(random.nextInt(live.size()));
        assertThat(domain.hardware.access(gone.address())).isEqualTo(gone.paddr());
        mapper.unmap(gone.address(), gone.size());
      }
    }
    live.forEach(mapping -> mapper.unmap(mapping.address(), mapping.size()));
  }

  @Test
  @Timeout(PATIENCE_SECONDS) // FQ-015: the end of a domain waits for a mapping in progress
  void waitsForMappingsInProgress() throws Exception {
    DmaFixture fixture = new DmaFixture();
    FakeDomain domain = new FakeDomain(DomainType.DMA_FQ);
    DmaMapper mapper = fixture.setUp(device(), domain);
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch gate = new CountDownLatch(1);
    domain.duringMap =
        () -> {
          inside.countDown();
          awaitQuietly(gate);
        };
    Thread ending = new Thread(() -> fixture.layer.putCookie(domain));
    ExecutorService pool = Executors.newSingleThreadExecutor();
    try {
      Future<Long> mapping = pool.submit(() -> mapper.map(0x5000, 0x1000, Prot.RW));
      inside.await();
      ending.start();
      while (ending.isAlive() && ending.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      assertThat(ending.isAlive()).isTrue();
      gate.countDown();
      assertThat(mapping.get()).isNotZero();
      ending.join();
      assertRefused(Errno.ENODEV, () -> mapper.map(0x5000, 0x1000, Prot.RW));
    } finally {
      gate.countDown();
      pool.shutdown();
    }
  }

  private static void awaitQuietly(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void runAll(List<Callable<Void>> work) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(work.size());
    try {
      for (Future<Void> result : pool.invokeAll(work, PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        result.get();
      }
    } finally {
      pool.shutdownNow();
    }
  }
}
