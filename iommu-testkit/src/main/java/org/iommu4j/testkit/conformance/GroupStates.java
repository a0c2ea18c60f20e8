package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.IommuCore;

/** Writes the state lines after an op (trace format, section 7). */
final class GroupStates {
  private final IommuCore core;
  private final Recording recording;
  private final boolean all;
  private final SortedMap<Integer, String> printed = new TreeMap<>();

  /**
   * Creates a writer that has written nothing.
   *
   * @param all whether groups are written that have not changed
   */
  GroupStates(IommuCore core, Recording recording, boolean all) {
    this.core = core;
    this.recording = recording;
    this.all = all;
  }

  /** The lines that are due now. */
  List<String> lines() {
    SortedMap<Integer, String> now = new TreeMap<>();
    for (IommuGroup group : core.groups()) {
      now.put(group.id(), line(group.snapshot()));
    }
    List<String> lines = new ArrayList<>();
    printed.keySet().stream()
        .filter(id -> !now.containsKey(id))
        .forEach(id -> lines.add(". g" + id + " gone"));
    now.forEach(
        (id, line) -> {
          if (all || !line.equals(printed.get(id))) {
            lines.add(line);
          }
        });
    printed.clear();
    printed.putAll(now);
    return lines;
  }

  private String line(GroupSnapshot group) {
    return ". g"
        + group.id()
        + " type="
        + group.typeText()
        + " default="
        + recording.typedName(group.defaultDomain())
        + " current="
        + recording.typedName(group.currentDomain())
        + " blocking="
        + recording.typedName(group.blockingDomain())
        + " owner_cnt="
        + group.ownerCount()
        + " owner="
        + (group.owner() == null ? "null" : group.owner().label())
        + " recovery="
        + group.recoveryCount()
        + " refs="
        + group.references()
        + (group.name() == null ? "" : " name=" + group.name())
        + " pasids="
        + pasids(group.pasids())
        + " members="
        + joined(group.members(), this::member)
        + " flags="
        + joined(
            group.members().stream().filter(one -> !flags(one).isEmpty()).toList(),
            one -> recording.name(one.device()) + ":" + flags(one));
  }

  private String pasids(Map<Integer, GroupSnapshot.PasidEntry> table) {
    List<Map.Entry<Integer, GroupSnapshot.PasidEntry>> entries =
        table.entrySet().stream()
            .sorted(Map.Entry.comparingByKey(Integer::compareUnsigned))
            .toList();
    return joined(
        entries, one -> Integer.toUnsignedString(one.getKey()) + ":" + entry(one.getValue()));
  }

  private String entry(GroupSnapshot.PasidEntry entry) {
    AttachHandle handle = entry.handle();
    if (handle != null) {
      return handle + ">" + recording.name(handle.domain());
    }
    return entry.domain() == null ? "reserved" : recording.name(entry.domain());
  }

  private String member(GroupSnapshot.Member member) {
    String name = recording.name(member.device());
    return member.linkName().equals(name) ? name : name + ":" + member.linkName();
  }

  private static String flags(GroupSnapshot.Member member) {
    List<String> flags = new ArrayList<>();
    if (member.dma()) {
      flags.add("dma");
    }
    if (member.deferred()) {
      flags.add("deferred");
    }
    if (member.requireDirect()) {
      flags.add("direct");
    }
    if (member.blocked()) {
      flags.add("blocked");
    }
    if (member.resetDepth() != 0) {
      flags.add("depth" + member.resetDepth());
    }
    return String.join("+", flags);
  }

  private static <T> String joined(List<T> items, Function<T, String> text) {
    return items.isEmpty() ? "-" : items.stream().map(text).collect(Collectors.joining(","));
  }
}
