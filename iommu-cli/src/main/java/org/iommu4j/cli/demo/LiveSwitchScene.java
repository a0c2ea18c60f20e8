package org.iommu4j.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;

/** Strict to lazy while drivers are bound and devices do DMA. */
final class LiveSwitchScene implements Scene {
  /** What was counted up to one moment. */
  private record Counts(
      long dma, long unmaps, long invalidations, long refused, long reached, long attaches) {
    static Counts now(Stage stage, List<DmaActor> actors) {
      return new Counts(
          sum(actors, actor -> actor.reads() + actor.writes()),
          sum(actors, DmaActor::takenBack),
          stage.machine().hardware().stats().invalidations(),
          sum(actors, DmaActor::refusedAfterwards),
          sum(actors, DmaActor::reachedAfterwards),
          stage.tally().attaches());
    }

    private static long sum(List<DmaActor> actors, ToLongFunction<DmaActor> count) {
      return actors.stream().mapToLong(count).sum();
    }

    void row(Table table, String mode, Counts before) {
      table.row(
          mode,
          dma - before.dma,
          unmaps - before.unmaps,
          invalidations - before.invalidations,
          refused - before.refused,
          reached - before.reached);
    }
  }

  @Override
  public void play(Stage stage) {
    IommuGroup group = stage.casting().crowd();
    List<Device> users = stage.casting().users(stage.casting().members(group));
    stage
        .screen()
        .scene(
            "Strict to lazy, live: group " + group.id(),
            "Strict invalidates at every take-back. Lazy collects, and flushes at most 10 ms later:",
            "until then a device may still reach memory that was taken back (FQ-018), but no",
            "address is lent again before the flush (FQ-016).");
    List<DmaActor> actors = new ArrayList<>();
    users.forEach(device -> actors.add(new DmaActor(stage.machine(), device, stage.problems())));
    Domain before = group.defaultDomain();
    Counts start = Counts.now(stage, actors);
    Counts[] middle = {start};
    long problems = stage.problems().count();
    stage.screen().line("%s at work ...", Stage.count(users.size(), "device"));
    stage
        .crew()
        .run(
            actors,
            stage.options().steps(),
            () -> {
              middle[0] = Counts.now(stage, actors);
              switchLive(stage, group);
            });
    Counts end = Counts.now(stage, actors);
    stage.expect(group.defaultDomain() == before, "the domain was replaced");
    stage.expect(end.attaches() == start.attaches(), "devices were attached anew");
    long failed = stage.problems().count() - problems;
    String outcome = "same domain, no device moved, no driver unbound; failed DMA: " + failed;
    if (failed == 0) {
      stage.screen().done(outcome);
    } else {
      stage.screen().wrong(outcome);
    }
    stage.screen().blank();
    Table table =
        new Table(
            "mode",
            "reads and writes",
            "taken back",
            "invalidations",
            "tried again: refused",
            "reached");
    middle[0].row(table, "strict", start);
    end.row(table, "lazy", middle[0]);
    table.show(stage.screen());
  }

  private static void switchLive(Stage stage, IommuGroup group) {
    stage.screen().command("echo DMA-FQ > " + Stage.typeFile(group));
    try {
      group.writeType("DMA-FQ", Caller.ROOT);
    } catch (IommuException refused) {
      stage.wrong("the live switch was refused: " + refused.getMessage());
    }
  }
}
