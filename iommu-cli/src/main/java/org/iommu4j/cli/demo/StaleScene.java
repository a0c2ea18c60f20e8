package org.iommu4j.cli.demo;

import java.time.Duration;
import java.util.function.UnaryOperator;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.DmaWatch.Verdict;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.WatchedDma;

/**
 * Stale translations: what is allowed, what is not, and that the difference is found. Each part has
 * a small machine of its own, the broken ones a driver with a planted bug.
 */
final class StaleScene implements Scene {
  private static final long PAGE = 4096;
  private static final long OLD = 0x01d_dada;
  private static final long NEW = 0x4e_da7a;
  private static final Duration FLUSH_TIME = Duration.ofMillis(10);
  private static final String FORMAT = "%-22s  %-47s  %s";

  /** A machine with one device that was lent one page and has used it. */
  private static final class Part implements AutoCloseable {
    private final FakeMachine machine;
    private final WatchedDma dma;
    private final long oldPage;
    private final long iova;

    Part(boolean strict, UnaryOperator<IommuDevice> driver) {
      PciDevice nic = PciDevice.at("0000:01:00.0");
      machine =
          FakeMachine.builder()
              .device(nic)
              .soft(SoftIommu::on)
              .wrap(driver)
              .bootParameters(BootParameters.NONE.withStrict(strict ? "1" : "0"))
              .build();
      dma = machine.dma(nic);
      oldPage = lendable(OLD);
      iova = dma.map(oldPage, PAGE, Prot.RW);
      var unused = dma.read(iova);
      dma.unmap(iova, PAGE);
    }

    long lendable(long content) {
      long page = machine.allocateMemory(PAGE);
      machine.hardware().memory().write(page, content);
      return page;
    }

    /** What the device gets where its page was. */
    String readAgain() {
      try {
        long found = dma.read(iova);
        return found == OLD ? "device reads the old memory" : String.format("reads 0x%x", found);
      } catch (DmaFault refused) {
        return "device is refused: " + refused.reason();
      }
    }

    long count(Verdict verdict) {
      return machine.watch().count(verdict);
    }

    @Override
    public void close() {
      machine.close();
    }
  }

  @Override
  public void play(Stage stage) {
    stage
        .screen()
        .scene(
            "Stale translations, allowed and caught",
            "A page is lent, used and taken back; then the device tries again. On four small machines,",
            "two of them with a driver that says it has invalidated and has not: the watch on the",
            "hardware must find both.");
    stage.screen().line(Style.DIM, String.format(FORMAT, "machine", "after that", "verdict"));
    strictHonest(stage);
    strictLying(stage);
    lazyHonest(stage);
    lazyLying(stage);
  }

  private static void strictHonest(Stage stage) {
    try (Part part = new Part(true, UnaryOperator.identity())) {
      say(stage, "strict, honest driver", part.readAgain(), Style.GOOD, "as it must be");
      stage.expect(part.machine.hardware().staleHits() == 0, "there was a stale access");
    }
  }

  private static void strictLying(Stage stage) {
    try (Part part = new Part(true, LyingDriver::insteadOf)) {
      say(
          stage,
          "strict, lying driver",
          part.readAgain(),
          Style.BAD,
          "CAUGHT: used after invalidation");
      caught(stage, part, Verdict.AFTER_INVALIDATION);
    }
  }

  private static void lazyHonest(Stage stage) {
    try (Part part = new Part(false, UnaryOperator.identity())) {
      say(
          stage,
          "lazy, honest driver",
          part.readAgain(),
          Style.REFUSED,
          "allowed before the flush");
      stage.expect(part.count(Verdict.ALLOWED) == 1, "the access was not judged as allowed");
      part.machine.clock().advance(FLUSH_TIME);
      say(stage, "  10 ms later", part.readAgain(), Style.GOOD, "as it must be");
      stage.expect(part.count(Verdict.ALLOWED) == 1, "the flush came too late");
    }
  }

  private static void lazyLying(Stage stage) {
    try (Part part = new Part(false, LyingDriver::insteadOf)) {
      part.machine.clock().advance(FLUSH_TIME);
      long again = part.dma.map(part.lendable(NEW), PAGE, Prot.RW);
      stage.expect(again == part.iova, "the address was not lent again");
      say(
          stage,
          "lazy, lying driver",
          "address lent again, " + part.readAgain(),
          Style.BAD,
          "CAUGHT: lent again too early");
      caught(stage, part, Verdict.REUSED_TOO_EARLY);
      part.dma.unmap(again, PAGE);
    }
  }

  private static void say(Stage stage, String who, String what, Style style, String verdict) {
    stage.screen().line(FORMAT, who, what, stage.screen().paint(style, verdict));
  }

  /** The planted bug must have been found exactly once; that is no problem of the demo's. */
  private static void caught(Stage stage, Part part, Verdict verdict) {
    boolean found = part.machine.watch().violations().size() == 1 && part.count(verdict) == 1;
    stage.expect(found, "the planted bug was not found: " + part.machine.watch());
    if (found) {
      stage.screen().line(Style.DIM, "  " + part.machine.watch().violations().get(0).access());
    }
  }
}
