package org.iommu4j.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.random.RandomGenerator;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.FakeMachine;

/** A device is pulled out of a group while others keep changing its type. */
final class HotRemoveScene implements Scene {
  private static final int WRITERS = 3;

  /** A driver that comes and goes. */
  private static final class Commuter implements Actor {
    private final FakeMachine machine;
    private final Stage.Bound home;

    Commuter(FakeMachine machine, Stage.Bound home) {
      this.machine = machine;
      this.home = home;
    }

    @Override
    public void step(RandomGenerator random) {
      if (machine.unbind(home.device()).isEmpty()) {
        machine.bind(home.device(), home.driver());
      }
    }

    @Override
    public void finish() {
      machine.unbind(home.device());
    }

    @Override
    public String toString() {
      return "driver " + home;
    }
  }

  @Override
  public void play(Stage stage) {
    IommuGroup group = stage.casting().crowd();
    List<Device> members = stage.casting().members(group);
    boolean busy = stage.casting().users(members).size() > 1;
    stage
        .screen()
        .scene(
            "A hot remove in a storm of type writes: group " + group.id(),
            WRITERS
                + " writers change its type as fast as they can"
                + (busy ? ", one driver comes and goes," : "")
                + " and in the middle",
            "a device is pulled out. It leaves the group and its IOMMU driver in one section of the"
                + " lock.");
    List<Stage.Bound> unbound = stage.unbindUsers(group);
    Device victim =
        unbound.isEmpty()
            ? members.get(members.size() - 1)
            : unbound.get(unbound.size() - 1).device();
    List<TypeWriter> writers = writers(stage, members, victim);
    List<Actor> actors = new ArrayList<>(writers);
    if (busy) {
      actors.add(new Commuter(stage.machine(), unbound.get(0)));
    }
    stage.crew().run(actors, Math.max(1, stage.options().steps() / 4), () -> pull(stage, victim));
    show(stage, writers);
    comeBack(stage, members, victim);
    stage.writeType(
        stage.machine().group(victim), "DMA", () -> "strict again, as at the beginning");
    stage.bindAgain(unbound);
  }

  /** A group of one device dies with it, and a new one comes: writers look it up each time. */
  private static List<TypeWriter> writers(Stage stage, List<Device> members, Device victim) {
    Device witness = members.stream().filter(member -> member != victim).findFirst().orElse(victim);
    Supplier<IommuGroup> lookUp = () -> stage.machine().group(witness);
    List<TypeWriter> writers = new ArrayList<>();
    for (int i = 0; i < WRITERS; i++) {
      writers.add(new TypeWriter(lookUp, stage.problems()));
    }
    return writers;
  }

  private static void pull(Stage stage, Device victim) {
    stage.succeeds(
        "pull " + Stage.name(victim) + " out",
        () -> {
          stage.machine().unplug(victim);
          return "gone; its DMA: " + dmaOf(stage, victim);
        });
  }

  private static String dmaOf(Stage stage, Device device) {
    try {
      var unused = stage.machine().engine(device).read(0x1000);
      stage.wrong(device + " still does DMA");
      return "possible";
    } catch (DmaFault refused) {
      return "refused, " + refused.reason();
    }
  }

  private static void show(Stage stage, List<TypeWriter> writers) {
    stage.screen().blank();
    Table table = new Table("written", "done", "refused: in use", "refused: no group");
    for (DefaultDomainRequest request : DefaultDomainRequest.values()) {
      table.row(
          request.text(),
          sum(writers, writer -> writer.done(request)),
          sum(writers, writer -> writer.inUse(request)),
          sum(writers, writer -> writer.gone(request)));
    }
    table.show(stage.screen());
    stage.screen().blank();
  }

  private static long sum(List<TypeWriter> writers, ToLongFunction<TypeWriter> count) {
    return writers.stream().mapToLong(count).sum();
  }

  private static void comeBack(Stage stage, List<Device> members, Device victim) {
    stage.succeeds(
        "plug " + Stage.name(victim) + " in again",
        () -> {
          IommuGroup group = stage.machine().plug(victim).orThrow().group();
          List<Device> now = stage.casting().members(group);
          stage.expect(now.size() == members.size(), "the group has " + now.size() + " members");
          return String.format(
              "group %d has %s again, type %s",
              group.id(), Stage.count(now.size(), "device"), group.typeText());
        });
  }
}
