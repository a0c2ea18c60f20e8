package org.iommu4j.cli.groups;

import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.grouping.MergeReason;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.api.grouping.PredictedGroup.Member;
import org.iommu4j.api.grouping.SplitAdvice;

/** Machines as text: groups as a tree, reasons as sentences. */
final class TextReport implements Report {
  private static final int NAME_WIDTH = 78;

  private final PrintWriter out;
  private final boolean why;
  private final boolean check;

  TextReport(PrintWriter out, boolean why, boolean check) {
    this.out = out;
    this.why = why;
    this.check = check;
  }

  @Override
  public void machine(Machine machine) {
    if (check) {
      checked(machine);
    } else {
      tree(machine);
    }
    if (why) {
      machine.prediction().groups().stream()
          .filter(group -> group.members().size() > 1)
          .forEach(group -> explain(machine, group));
    }
    if (why || !check) {
      out.println();
    }
  }

  @Override
  public void end(long machines, long exact, boolean checked) {
    if (checked) {
      out.println("machines: " + machines + ", exact: " + exact);
    }
  }

  private static String head(Machine machine) {
    PciTopology topology = machine.topology();
    return topology.machine()
        + topology.description().map(text -> " (" + text + ")").orElse("")
        + ": "
        + counted(topology.devices().size(), "function")
        + ", "
        + counted(machine.prediction().groups().size(), "group");
  }

  private static String counted(int number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  private void notes(Machine machine) {
    machine.notes().forEach(note -> out.println("  note: " + note));
  }

  private void checked(Machine machine) {
    Comparison comparison = machine.comparison();
    if (comparison == null) {
      return;
    }
    out.println(
        head(machine)
            + ": "
            + (comparison.isExact()
                ? "exact"
                : comparison.recorded() == 0 ? "no groups are recorded" : "NOT AS RECORDED"));
    notes(machine);
    comparison.missing().forEach(group -> out.println("  recorded, not foreseen: " + brief(group)));
    comparison.extra().forEach(group -> out.println("  foreseen, not recorded: " + brief(group)));
    comparison.numbers().forEach(number -> out.println("  " + Machine.brief(number)));
  }

  private static String brief(Set<String> names) {
    return Machine.brief(String.join(" ", names));
  }

  private void tree(Machine machine) {
    out.println(head(machine));
    notes(machine);
    List<PredictedGroup> groups = machine.prediction().groups();
    int digits = Integer.toString(groups.size()).length();
    for (PredictedGroup group : groups) {
      String number = String.format("group %-" + digits + "d  ", group.id());
      if (group.members().size() == 1) {
        out.println(number + described(machine, group.members().get(0).device()));
        continue;
      }
      out.println(number + counted(group.members().size(), "device"));
      for (int i = 0; i < group.members().size(); i++) {
        String twig = i == group.members().size() - 1 ? "`- " : "|- ";
        out.println(
            " ".repeat(number.length())
                + twig
                + described(machine, group.members().get(i).device()));
      }
    }
    List<Device> without = machine.prediction().withoutGroup();
    if (!without.isEmpty()) {
      out.println("no group");
      without.forEach(device -> out.println("  " + described(machine, device)));
    }
  }

  private static String described(Machine machine, Device device) {
    if (!(device instanceof PciDevice function)) {
      return device.name();
    }
    PciTopology topology = machine.topology();
    String what =
        topology
            .description(function)
            .or(() -> topology.classCode(function).map(TextReport::byClass))
            .orElse("");
    String ids =
        function.vendorId() == 0 || what.contains("[" + ids(function) + "]")
            ? ""
            : " [" + ids(function) + "]";
    String driver = topology.driver(function).map(name -> " (" + name + ")").orElse("");
    String cut = what.length() > NAME_WIDTH ? what.substring(0, NAME_WIDTH) + "..." : what;
    return (Machine.brief(device.name()) + "  " + cut + ids + driver).stripTrailing();
  }

  private static String byClass(String code) {
    return Optional.of(code).map(text -> "class " + text).orElse("");
  }

  private static String ids(PciDevice device) {
    return String.format("%04x:%04x", device.vendorId(), device.deviceId());
  }

  private void explain(Machine machine, PredictedGroup group) {
    out.println();
    out.println(
        "group " + group.id() + ": why " + counted(group.members().size(), "device") + " share it");
    for (Member member : group.members()) {
      explain(member);
    }
    SplitAdvice advice = machine.split(group);
    if (!advice.splits()) {
      out.println("  to split it: no ACS bits would, the devices are tied together otherwise");
      return;
    }
    out.println("  to split it: with");
    advice.changes().forEach(change -> out.println("    " + Machine.brief(change.sentence())));
    out.println("  the prediction is " + counted(advice.parts().size(), "group") + ":");
    advice
        .parts()
        .forEach(
            part ->
                out.println(
                    "    "
                        + Machine.brief(
                            part.stream().map(Device::name).collect(Collectors.joining(" ")))));
  }

  private void explain(Member member) {
    if (member.reasons().isEmpty()) {
      out.println("  " + Machine.brief(member.device().name()) + " is the first member");
      return;
    }
    List<MergeReason> reasons = member.reasons();
    Device joined = reasons.get(reasons.size() - 1).to();
    out.println(Machine.brief("  " + member.device() + " joins " + joined));
    reasons.forEach(reason -> out.println("    " + Machine.brief(reason.sentence())));
  }
}
