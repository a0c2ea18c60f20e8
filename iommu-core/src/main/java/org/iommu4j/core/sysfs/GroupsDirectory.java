package org.iommu4j.core.sysfs;

import java.util.Collection;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.core.IommuCore;
import org.jspecify.annotations.Nullable;

/** {@code /sys/kernel/iommu_groups}: a directory per group, named by its number (CORE-800). */
record GroupsDirectory(IommuCore core) implements SysfsDirectory {
  @Override
  public Collection<String> names() {
    return core.groups().stream().map(group -> Integer.toString(group.id())).toList();
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    for (IommuGroup group : core.groups()) {
      if (Integer.toString(group.id()).equals(name)) {
        return new GroupDirectory(core, group);
      }
    }
    return null;
  }
}
