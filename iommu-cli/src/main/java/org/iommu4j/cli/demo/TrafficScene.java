package org.iommu4j.cli.demo;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Device;
import org.iommu4j.testkit.FakeDriver;

/** DMA of several devices with the data checked on both sides. */
final class TrafficScene implements Scene {
  @Override
  public void play(Stage stage) {
    stage
        .screen()
        .scene(
            "DMA",
            "Each driver lends buffers to its device, the device reads and writes them through the",
            "IOMMU, the driver takes them back. Strict: once taken back, a buffer is out of reach.");
    List<DmaActor> actors = new ArrayList<>();
    for (Device device : stage.casting().stars()) {
      actors.add(new DmaActor(stage.machine(), device, stage.problems()));
    }
    stage.crew().run(actors, stage.options().steps(), () -> {});
    Table table =
        new Table(
            "device",
            "driver",
            "group",
            "lent",
            "reads",
            "writes",
            "taken back",
            "tried again",
            "refused");
    for (DmaActor actor : actors) {
      table.row(
          Stage.name(actor.device()),
          stage.machine().driver(actor.device()).map(FakeDriver::name).orElse("-"),
          stage.machine().group(actor.device()).id(),
          actor.lends(),
          actor.reads(),
          actor.writes(),
          actor.takenBack(),
          actor.refusedAfterwards() + actor.reachedAfterwards(),
          actor.refusedAfterwards());
    }
    table.show(stage.screen());
  }
}
