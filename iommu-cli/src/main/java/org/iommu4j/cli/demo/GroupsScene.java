package org.iommu4j.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.iommu4j.api.Device;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.testkit.FakeDriver;

/** The groups of the machine, as a tree. */
final class GroupsScene implements Scene {
  /** Beyond this many groups, runs of lone functions without driver are folded. */
  private static final int MANY = 40;

  private static final int TEXT_WIDTH = 22;

  @Override
  public void play(Stage stage) {
    stage
        .screen()
        .scene(
            "The groups",
            "A group is the smallest set of devices that the IOMMU can keep apart from others; its",
            "members share one domain. Drivers in parentheses manage DMA by themselves and do not",
            "count as users of it.");
    new Tree(stage).show();
  }

  private static final class Tree {
    private final Stage stage;
    private final Screen screen;
    private final Glyphs glyphs;
    private final List<IommuGroup> groups;
    private final int numberWidth;
    private final int typeWidth;
    private int next;

    Tree(Stage stage) {
      this.stage = stage;
      screen = stage.screen();
      glyphs = screen.glyphs();
      groups = stage.machine().core().groups();
      numberWidth = groups.stream().mapToInt(group -> digits(group.id())).max().orElse(1);
      typeWidth = groups.stream().mapToInt(group -> group.typeText().length()).max().orElse(1);
    }

    private static int digits(int number) {
      return Integer.toString(number).length();
    }

    void show() {
      screen.line(
          Style.BOLD,
          String.format(
              "%s, behind it %s in %s",
              stage.machine().iommus().get(0).name(),
              Stage.count(served(), "device"),
              Stage.count(groups.size(), "group")));
      while (next < groups.size()) {
        int run = groups.size() > MANY ? dullRun() : 0;
        if (run > 2) {
          fold(run);
        } else {
          group(groups.get(next), next == groups.size() - 1);
          next++;
        }
      }
      without();
    }

    private int served() {
      return groups.stream().mapToInt(group -> stage.casting().members(group).size()).sum();
    }

    /** How many groups from the next one on have one device and no driver. */
    private int dullRun() {
      int end = next;
      while (end < groups.size() && isDull(groups.get(end))) {
        end++;
      }
      return end - next;
    }

    private boolean isDull(IommuGroup group) {
      List<Device> members = stage.casting().members(group);
      return members.size() == 1 && stage.machine().driver(members.get(0)).isEmpty();
    }

    private void fold(int run) {
      int last = next + run - 1;
      screen.line(
          Style.DIM,
          String.format(
              "%sgroups %d to %d: one device without driver each",
              last == groups.size() - 1 ? glyphs.last() : glyphs.branch(),
              groups.get(next).id(),
              groups.get(last).id()));
      next += run;
    }

    private void group(IommuGroup group, boolean last) {
      List<Device> members = stage.casting().members(group);
      String head =
          String.format(
              "group %" + numberWidth + "d  %-" + typeWidth + "s  ", group.id(), group.typeText());
      String branch = last ? glyphs.last() : glyphs.branch();
      if (members.size() == 1) {
        screen.line("%s%s%s", branch, head, device(members.get(0)));
        return;
      }
      screen.line("%s%s", branch, head + screen.paint(Style.BOLD, members.size() + " devices"));
      String margin = (last ? " " : glyphs.pipe()) + " ".repeat(head.length() - 1);
      for (int i = 0; i < members.size(); i++) {
        String twig = i == members.size() - 1 ? glyphs.last() : glyphs.branch();
        screen.line("%s%s%s", margin, twig, device(members.get(i)));
      }
    }

    private String device(Device device) {
      String what = DeviceClass.name(stage.casting().classCode(device));
      String driver = stage.machine().driver(device).map(Tree::driver).orElse("");
      return String.format("%s  %-" + TEXT_WIDTH + "s %s", Stage.name(device), what, driver);
    }

    private String described(Device device) {
      return Stage.name(device) + " (" + DeviceClass.name(stage.casting().classCode(device)) + ")";
    }

    private static String driver(FakeDriver driver) {
      return driver.managesDma() ? "(" + driver.name() + ")" : driver.name();
    }

    private void without() {
      List<Device> alone = new ArrayList<>(stage.machine().devices());
      alone.removeIf(device -> stage.machine().core().deviceOf(device).isPresent());
      if (alone.size() > 4) {
        screen.line(Style.DIM, "no IOMMU serves " + alone.size() + " devices");
      } else if (!alone.isEmpty()) {
        screen.line(
            Style.DIM,
            "no IOMMU serves "
                + alone.stream().map(this::described).collect(Collectors.joining(", ")));
      }
    }
  }
}
