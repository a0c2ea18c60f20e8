package org.iommu4j.tests.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Caller;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.DmaWatch.Judgement;
import org.iommu4j.testkit.DmaWatch.Verdict;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.ForwardingIommuOps;
import org.iommu4j.testkit.ForwardingPagingDomainOps;
import org.iommu4j.testkit.WatchedDma;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which stale accesses are errors: FQ-016, FQ-018, FQ-019. */
class DmaWatchTest {
  private static final long PAGE = 0x1000;

  private final PciDevice nic = PciDevice.at("0000:01:00.0");
  private final List<FakeMachine> machines = new ArrayList<>();
  private final List<Judgement> judged = new ArrayList<>();
  private Runnable beforeSync = () -> {};

  @AfterEach
  void close() {
    machines.forEach(FakeMachine::close);
  }

  /** A driver whose invalidations are somebody else's affair. */
  private static final class Tampered extends ForwardingIommuOps {
    private final BiConsumer<PagingDomainOps, IotlbGather> sync;

    Tampered(IommuOps driver, BiConsumer<PagingDomainOps, IotlbGather> sync) {
      super(driver);
      this.sync = sync;
    }

    @Override
    protected PagingDomainOps wrapPaging(PagingDomainOps domain) {
      return new ForwardingPagingDomainOps(domain) {
        @Override
        public void iotlbSync(IotlbGather gather) {
          sync.accept(domain, gather);
        }

        @Override
        public void flushIotlbAll() {
          // Never.
        }
      };
    }
  }

  private FakeMachine machine(boolean strict) {
    return started(FakeMachine.builder().device(nic).soft(SoftIommu::on), strict);
  }

  private FakeMachine tampered(boolean strict, BiConsumer<PagingDomainOps, IotlbGather> sync) {
    return started(
        FakeMachine.builder()
            .device(nic)
            .soft(SoftIommu::on)
            .wrap(inner -> new Tampered(inner.ops(), sync).around(inner)),
        strict);
  }

  private FakeMachine started(FakeMachine.Builder builder, boolean strict) {
    FakeMachine machine =
        builder.bootParameters(BootParameters.NONE.withStrict(strict ? "1" : "0")).build();
    machine.watch().onJudgement(judged::add);
    machines.add(machine);
    return machine;
  }

  /** Lends a page and lets the device use it. */
  private static long lendAndUse(FakeMachine machine, WatchedDma dma) {
    long iova = dma.map(machine.allocateMemory(PAGE), PAGE, Prot.RW);
    dma.write(iova, 42);
    assertThat(dma.read(iova)).isEqualTo(42);
    return iova;
  }

  private static void assertRefused(WatchedDma dma, long iova) {
    assertThatExceptionOfType(DmaFault.class).isThrownBy(() -> dma.read(iova));
  }

  @Test
  void anHonestStrictDriverLeavesNothingToJudge() {
    FakeMachine machine = machine(true);
    WatchedDma dma = machine.dma(nic);
    long iova = lendAndUse(machine, dma);
    dma.unmap(iova, PAGE);
    assertRefused(dma, iova);
    assertThat(judged).isEmpty();
  }

  @Test
  void aTranslationUsedAfterItsInvalidationIsAnError() {
    FakeMachine machine = tampered(true, (domain, gather) -> {});
    WatchedDma dma = machine.dma(nic);
    long iova = lendAndUse(machine, dma);
    dma.unmap(iova, PAGE);
    assertThat(dma.read(iova)).isEqualTo(42);
    assertThat(machine.watch().violations()).isEqualTo(judged);
    assertThat(judged)
        .singleElement()
        .satisfies(
            judgement -> {
              assertThat(judgement.verdict()).isEqualTo(Verdict.AFTER_INVALIDATION);
              assertThat(judgement.device()).isSameAs(nic);
              assertThat(judgement.access().iova()).isEqualTo(iova);
              assertThat(judgement.toString())
                  .startsWith("AFTER_INVALIDATION: 0000:01:00.0: stale READ of iova 0x");
            });
  }

  @Test
  void anAddressLentAgainTooEarlyIsAnError() {
    for (boolean strict : new boolean[] {true, false}) {
      FakeMachine machine = tampered(strict, (domain, gather) -> {});
      WatchedDma dma = machine.dma(nic);
      long iova = lendAndUse(machine, dma);
      dma.unmap(iova, PAGE);
      machine.clock().advance(Duration.ofMillis(10));
      assertThat(dma.map(machine.allocateMemory(PAGE), PAGE, Prot.RW)).isEqualTo(iova);
      assertThat(dma.read(iova)).isEqualTo(42);
      assertThat(machine.watch().count(Verdict.REUSED_TOO_EARLY)).isOne();
      assertThat(machine.watch().violations()).hasSize(1);
    }
  }

  @Test
  void staleDataBeforeALazyFlushAreAllowed() {
    FakeMachine machine = machine(false);
    WatchedDma dma = machine.dma(nic);
    long iova = lendAndUse(machine, dma);
    dma.unmap(iova, PAGE);
    assertThat(dma.read(iova)).isEqualTo(42);
    machine.clock().advance(Duration.ofMillis(10));
    assertRefused(dma, iova);
    assertThat(judged).extracting(Judgement::verdict).containsExactly(Verdict.ALLOWED);
    assertThat(machine.watch().violations()).isEmpty();
  }

  @Test
  void anUnmapAfterALiveSwitchIsLazy() {
    FakeMachine machine = machine(true);
    WatchedDma dma = machine.dma(nic);
    long iova = lendAndUse(machine, dma);
    var unused = machine.group(nic).writeType("DMA-FQ", Caller.ROOT);
    dma.unmap(iova, PAGE);
    assertThat(dma.read(iova)).isEqualTo(42);
    assertThat(judged).extracting(Judgement::verdict).containsExactly(Verdict.ALLOWED);
  }

  @Test
  void nobodyIsBlamedWhileAnUnmapIsUnderWay() {
    FakeMachine machine =
        tampered(
            true,
            (domain, gather) -> {
              beforeSync.run();
              domain.iotlbSync(gather);
            });
    WatchedDma dma = machine.dma(nic);
    long iova = lendAndUse(machine, dma);
    beforeSync = () -> assertThat(dma.read(iova)).isEqualTo(42);
    dma.unmap(iova, PAGE);
    assertThat(judged).extracting(Judgement::verdict).containsExactly(Verdict.UNDECIDED);
    assertRefused(dma, iova);
  }

  @Test
  void nothingIsSaidOfAccessesThatItDidNotSee() {
    FakeMachine machine = tampered(true, (domain, gather) -> {});
    WatchedDma dma = machine.dma(nic);
    long iova = lendAndUse(machine, dma);
    dma.unmap(iova, PAGE);
    assertThat(machine.engine(nic).read(iova)).isEqualTo(42);
    assertThat(judged).extracting(Judgement::verdict).containsExactly(Verdict.UNDECIDED);
    assertThat(judged.get(0).device()).isNull();
  }

  @Test
  void anAccessAcrossTwoPagesIsJudgedByThePageThatIsStale() {
    FakeMachine machine = tampered(true, (domain, gather) -> {});
    WatchedDma dma = machine.dma(nic);
    long iova = dma.map(machine.allocateMemory(2 * PAGE), 2 * PAGE, Prot.RW);
    long across = iova + PAGE - 4;
    dma.write(across, 42);
    dma.unmap(iova, 2 * PAGE);
    assertThat(dma.read(across)).isEqualTo(42);
    assertThat(judged)
        .extracting(Judgement::verdict)
        .containsExactly(Verdict.AFTER_INVALIDATION, Verdict.AFTER_INVALIDATION);
  }
}
