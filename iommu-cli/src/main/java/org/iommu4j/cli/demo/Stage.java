package org.iommu4j.cli.demo;

import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.testkit.FakeDriver;
import org.iommu4j.testkit.FakeMachine;

/** What all scenes share: the machine, the screen, who acts, and what went wrong. */
final class Stage {
  private static final String FIRST_SEGMENT = "0000:";

  private final FakeMachine machine;
  private final DemoOptions options;
  private final Screen screen;
  private final Casting casting;
  private final Tally tally;
  private final Problems problems;
  private final Crew crew;

  Stage(
      FakeMachine machine,
      DemoOptions options,
      Screen screen,
      Casting casting,
      Tally tally,
      Problems problems) {
    this.machine = machine;
    this.options = options;
    this.screen = screen;
    this.casting = casting;
    this.tally = tally;
    this.problems = problems;
    this.crew = new Crew(machine, options, problems);
  }

  FakeMachine machine() {
    return machine;
  }

  DemoOptions options() {
    return options;
  }

  Screen screen() {
    return screen;
  }

  Casting casting() {
    return casting;
  }

  Tally tally() {
    return tally;
  }

  Problems problems() {
    return problems;
  }

  Crew crew() {
    return crew;
  }

  /** A device's name without the segment that nearly all have. */
  static String name(Device device) {
    String full = device.name();
    return full.startsWith(FIRST_SEGMENT) ? full.substring(FIRST_SEGMENT.length()) : full;
  }

  static String names(List<Device> devices) {
    return devices.stream().map(Stage::name).collect(Collectors.joining(", "));
  }

  static String typeFile(IommuGroup group) {
    return "/sys/kernel/iommu_groups/" + group.id() + "/type";
  }

  static String count(int number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  /** Shows what somebody does and what became of it. */
  void succeeds(String command, Supplier<String> action) {
    screen.command(command);
    try {
      screen.done(action.get());
    } catch (RuntimeException unexpected) {
      wrong(command + ": " + unexpected.getMessage());
    }
  }

  /** Shows what somebody tries and why it is refused. */
  void refuses(String command, Errno errno, Runnable action) {
    screen.command(command);
    try {
      action.run();
    } catch (IommuException refusal) {
      if (refusal.errno() == errno) {
        screen.refused(String.valueOf(refusal.getMessage()));
      } else {
        wrong("expected " + errno + ", not " + refusal.getMessage());
      }
      return;
    }
    wrong("expected " + errno + ", but it was done");
  }

  void wrong(String problem) {
    screen.wrong(problem);
    problems.add(problem);
  }

  /** A problem unless something holds. */
  void expect(boolean holds, String problem) {
    if (!holds) {
      wrong(problem);
    }
  }

  /** A write to a group's type file by root. */
  void writeType(IommuGroup group, String type, Supplier<String> result) {
    succeeds(
        "echo " + type + " > " + typeFile(group),
        () -> {
          group.writeType(type, Caller.ROOT);
          return result.get();
        });
  }

  /** A driver and where it was bound. */
  record Bound(Device device, FakeDriver driver) {
    @Override
    public String toString() {
      return driver + " (" + name(device) + ")";
    }
  }

  /** Unbinds all drivers of a group that use the DMA API. */
  List<Bound> unbindUsers(IommuGroup group) {
    List<Bound> unbound =
        casting.users(casting.members(group)).stream()
            .flatMap(
                device -> machine.unbind(device).map(driver -> new Bound(device, driver)).stream())
            .toList();
    if (!unbound.isEmpty()) {
      screen.command("unbind " + text(unbound));
    }
    return unbound;
  }

  /** Binds them again. */
  void bindAgain(List<Bound> unbound) {
    if (!unbound.isEmpty()) {
      succeeds(
          "bind " + text(unbound),
          () -> {
            unbound.forEach(bound -> machine.bind(bound.device(), bound.driver()));
            return Stage.count(unbound.size(), "driver") + " back";
          });
    }
  }

  private static String text(List<Bound> drivers) {
    return drivers.stream().map(Bound::toString).collect(Collectors.joining(", "));
  }
}
