package org.iommu4j.core.sysfs;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.core.IommuCore;
import org.jspecify.annotations.Nullable;

/** The directory of one group (CORE-801 to 808). Its files die with the group, not the number. */
record GroupDirectory(IommuCore core, IommuGroup group) implements SysfsDirectory {
  private static final String DEVICES = "devices";
  private static final String NAME = "name";
  private static final String REGIONS = "reserved_regions";
  private static final String TYPE = "type";

  @Override
  public Collection<String> names() {
    List<String> names = new ArrayList<>(List.of(DEVICES, REGIONS, TYPE));
    if (group.name() != null) {
      names.add(NAME);
    }
    return names;
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    return switch (name) {
      case DEVICES -> new MembersDirectory(group);
      case NAME -> nameFile();
      case REGIONS -> SysfsAttribute.readOnly(this::regions).aliveWhile(this::isAlive);
      case TYPE ->
          SysfsAttribute.readWrite(() -> group.typeText() + "\n", group::writeType)
              .aliveWhile(this::isAlive);
      default -> null;
    };
  }

  private @Nullable SysfsNode nameFile() {
    String given = group.name();
    return given == null
        ? null
        : SysfsAttribute.readOnly(() -> given + "\n")
            .aliveWhile(() -> isAlive() && given.equals(group.name()));
  }

  private String regions() {
    StringBuilder lines = new StringBuilder();
    for (ResvRegion region : group.reservedRegions()) {
      lines.append(
          String.format(
              "0x%016x 0x%016x %s\n", region.start(), region.last(), region.type().sysfsName()));
    }
    return lines.toString();
  }

  private boolean isAlive() {
    return core.groups().contains(group);
  }

  /** {@code devices}: a link per member, under the name it was given when it joined (CORE-801). */
  private record MembersDirectory(IommuGroup group) implements SysfsDirectory {
    @Override
    public Collection<String> names() {
      return Members.of(group).stream().map(GroupSnapshot.Member::linkName).toList();
    }

    @Override
    public @Nullable SysfsNode child(String name) {
      for (GroupSnapshot.Member member : Members.of(group)) {
        if (member.linkName().equals(name)) {
          return new SysfsLink(DevicePath.of(member.device()));
        }
      }
      return null;
    }
  }
}
