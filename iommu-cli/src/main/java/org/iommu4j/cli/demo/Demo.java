package org.iommu4j.cli.demo;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciTopology;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.DmaWatch;
import org.iommu4j.testkit.DmaWatch.Verdict;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.HardwareStats;
import org.iommu4j.testkit.IommuInvariants;

/** The demo: a machine boots, scenes are played on it, and the invariants have the last word. */
public final class Demo {
  private final PciTopology topology;
  private final DemoOptions options;
  private final Screen screen;
  private final Tally tally = new Tally();
  private final Problems problems = new Problems();

  /**
   * Creates a demo.
   *
   * @param topology the machine to show
   * @param options what to do
   * @param screen where to show it
   */
  public Demo(PciTopology topology, DemoOptions options, Screen screen) {
    this.topology = topology;
    this.options = options;
    this.screen = screen;
  }

  /**
   * Plays all scenes.
   *
   * @return whether everything went as it must
   */
  public boolean run() {
    FakeMachine machine = boot();
    try {
      Casting casting = new Casting(machine, topology);
      header(casting.addMissingDrivers());
      Stage stage = new Stage(machine, options, screen, casting, tally, problems);
      List<Scene> scenes =
          List.of(
              new GroupsScene(),
              new TrafficScene(),
              new TypeChangeScene(),
              new LiveSwitchScene(),
              new GuestScene(),
              new HotRemoveScene(),
              new StaleScene());
      scenes.forEach(scene -> play(scene, stage));
      return summary(machine);
    } finally {
      machine.closeForced();
    }
  }

  private void play(Scene scene, Stage stage) {
    long before = problems.count();
    scene.play(stage);
    long found = problems.count() - before;
    if (found > 0) {
      screen.wrong("violations in this scene: " + Screen.number(found));
    }
  }

  private FakeMachine boot() {
    FakeMachine.Builder builder =
        FakeMachine.builder()
            .topology(topology)
            .bindRecordedDrivers()
            .soft(SoftIommu::on)
            .bootParameters(BootParameters.NONE.withStrict("1"))
            .tracer(tally);
    if (!topology.recordedGroups().isEmpty()) {
      builder.recordedGroups();
    }
    if (!options.stepped()) {
      builder.realTime();
    }
    if (options.brokenDriver()) {
      builder.wrap(LyingDriver::insteadOf);
    }
    FakeMachine machine = builder.build();
    machine.watch().onJudgement(this::judged);
    return machine;
  }

  private void judged(DmaWatch.Judgement judgement) {
    if (judgement.verdict().isViolation()) {
      problems.add(judgement.toString());
    }
  }

  private void header(List<Device> madeUp) {
    boolean recorded = !topology.recordedGroups().isEmpty();
    screen.raw(
        screen.paint(Style.BOLD, "iommu4j")
            + String.format(
                "   machine \"%s\" %s %s, groups %s",
                topology.machine(),
                screen.glyphs().dot(),
                Stage.count(topology.devices().size(), "PCI function"),
                recorded ? "as recorded there" : "formed by this library"));
    screen.raw(
        screen.paint(
            Style.DIM,
            "          command line: iommu.strict=1 "
                + screen.glyphs().dot()
                + " seed "
                + options.seed()
                + (options.stepped()
                    ? ", actors stepped on one thread: the seed decides every line"
                    : ", actors on " + Stage.count(options.threads(), "thread"))));
    if (!madeUp.isEmpty()) {
      screen.raw(
          screen.paint(
              Style.DIM,
              "          few drivers were recorded: \"demo\" drives " + Stage.names(madeUp)));
    }
    if (options.brokenDriver()) {
      screen.raw(
          screen.paint(Style.BAD, "          with a broken IOMMU driver: this demo must fail"));
    }
  }

  private boolean summary(FakeMachine machine) {
    screen.scene("Summary", "Scenes 1 to 6, on the machine \"" + topology.machine() + "\".");
    HardwareStats stats = machine.hardware().stats();
    Table table = new Table("what", "count", "of which");
    table.row(
        "DMA accesses", stats.translations(), Screen.number(stats.iotlbHits()) + " from the IOTLB");
    table.row(
        "map and unmap", tally.maps() + tally.unmaps(), Screen.number(tally.unmaps()) + " unmaps");
    table.row("device attached to domain", tally.attaches(), "");
    table.row(
        "device in and out of group",
        tally.arrivals() + tally.departures(),
        tally.departures() + " out");
    table.row(
        "invalidations",
        stats.invalidations(),
        String.format(
            "%d ranges, %d domains, %d devices",
            stats.rangeInvalidations(), stats.domainInvalidations(), stats.deviceInvalidations()));
    table.row("faults", stats.faults(), problems.count() == 0 ? "all of them provoked" : "");
    table.row(
        "stale accesses",
        stats.staleHits(),
        machine.watch().count(Verdict.ALLOWED) + " allowed: lazy, before the flush");
    table.show(screen);
    Set<String> broken = new LinkedHashSet<>(IommuInvariants.broken(machine));
    machine.close();
    broken.addAll(IommuInvariants.broken(machine));
    // Each judgement was noted when it was made.
    machine.watch().violations().forEach(judgement -> broken.remove(judgement.toString()));
    broken.forEach(problems::add);
    screen.blank();
    return verdict();
  }

  private boolean verdict() {
    if (problems.count() == 0) {
      screen.line(
          Style.GOOD,
          screen.glyphs().done() + " violations: 0, all invariants hold, nothing leaked");
      return true;
    }
    screen.line(
        Style.BAD, "!! violations: " + Screen.number(problems.count()) + ", the first of them:");
    problems.first().forEach(problem -> screen.line(Style.PLAIN, "   " + problem));
    return false;
  }
}
