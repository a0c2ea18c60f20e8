package org.iommu4j.testkit.transcript;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.sysfs.SysfsProcess;

/** Compares recorded states of groups with what the tree shows. */
final class GroupStates {
  private static final String NO_GROUP = "no such group";

  private final RecordedSystem system;

  GroupStates(RecordedSystem system) {
    this.system = system;
  }

  /** Every recorded group. */
  void compare(TranscriptRecord record, Findings findings) {
    for (Fields expected : record.state()) {
      Optional<Long> number = expected.number("group");
      if (number.isPresent()) {
        compareGroup(number.get().intValue(), expected, findings);
      } else if (expected.isNull("group")) {
        Optional<Integer> actual = system.subject(record).flatMap(system::groupOf);
        findings.check("group", "none", actual.map(String::valueOf).orElse("none"));
      }
    }
  }

  private void compareGroup(int number, Fields expected, Findings findings) {
    String subject = "group " + number;
    boolean exists = expected.truth("exists").orElse(true);
    String directory = RecordedSystem.directory(number);
    if (!exists || !isThere(directory)) {
      findings.check(
          subject, exists ? "present" : NO_GROUP, isThere(directory) ? "present" : NO_GROUP);
      return;
    }
    expected
        .text("type")
        .ifPresent(type -> findings.check(subject + " type", type, read(directory + "/type")));
    if (expected.has("devices")) {
      findings.check(subject + " devices", expectedDevices(expected), actualDevices(directory));
    }
    if (expected.has("resv")) {
      findings.check(
          subject + " reserved regions",
          String.join("; ", expected.texts("resv")),
          read(directory + "/reserved_regions").replace("\n", "; "));
    }
  }

  private boolean isThere(String path) {
    try {
      var unused = system.root().stat(path, true);
      return true;
    } catch (IommuException missing) {
      return false;
    }
  }

  /** Without the newline at the end. */
  private String read(String path) {
    try {
      String text = system.root().readString(path);
      return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    } catch (IommuException refused) {
      return refused.errno().name();
    }
  }

  private static String expectedDevices(Fields group) {
    Map<String, String> drivers = new TreeMap<>();
    for (Fields member : group.objects("devices")) {
      drivers.put(member.text("dev", "?"), member.text("driver", "-"));
    }
    return drivers.toString();
  }

  private String actualDevices(String directory) {
    Map<String, String> drivers = new TreeMap<>();
    for (String name : names(directory + "/devices")) {
      drivers.put(name, system.driverOf(name).orElse("-"));
    }
    return drivers.toString();
  }

  private List<String> names(String directory) {
    SysfsProcess root = system.root();
    try {
      return root.list(directory);
    } catch (IommuException refused) {
      return List.of();
    }
  }

  /** The record lists all groups there are. */
  void compareNumbers(TranscriptRecord record, Findings findings) {
    TreeSet<Integer> expected = new TreeSet<>();
    for (Fields group : record.state()) {
      if (group.truth("exists").orElse(true)) {
        group.number("group").ifPresent(number -> expected.add(number.intValue()));
      }
    }
    TreeSet<Integer> actual = new TreeSet<>();
    for (IommuGroup group : system.core().groups()) {
      actual.add(group.id());
    }
    findings.check("groups", expected.toString(), actual.toString());
  }

  /** One directory entry by entry: name, mode, size and text. */
  void compareDirectory(TranscriptRecord record, Findings findings) {
    String directory = record.args().text("dir", "");
    Map<String, String> expected = new LinkedHashMap<>();
    for (Fields entry : new ArrayList<>(record.args().objects("entries"))) {
      expected.put(
          entry.text("name", "?"),
          entry.text("mode", "?")
              + " "
              + entry.number("size", 0)
              + " "
              + entry.text("content", ""));
    }
    Map<String, String> actual = new TreeMap<>();
    for (String name : names(directory)) {
      actual.put(name, entry(directory + "/" + name));
    }
    findings.check(directory, new TreeMap<>(expected).toString(), actual.toString());
  }

  private String entry(String path) {
    var stat = system.root().stat(path, false);
    String content = stat.size() == 0 ? "" : system.root().readString(path);
    return Integer.toOctalString(stat.fileMode()) + " " + stat.size() + " " + content;
  }

  /** A class device and the devices that it serves. */
  void compareClass(TranscriptRecord record, Findings findings) {
    Optional<String> name = record.args().text("iommu");
    if (name.isEmpty()) {
      findings.check("class iommu", "[]", names("/sys/class/iommu").toString());
      return;
    }
    findings.check(
        "devices of " + name.get(),
        new TreeSet<>(record.args().texts("devices")).toString(),
        new TreeSet<>(names("/sys/class/iommu/" + name.get() + "/devices")).toString());
  }
}
