package org.iommu4j.core.sysfs;

import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A directory of things that stay. */
record FixedDirectory(Map<String, SysfsNode> entries) implements SysfsDirectory {
  FixedDirectory {
    entries = Map.copyOf(entries);
  }

  @Override
  public Collection<String> names() {
    return entries.keySet();
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    return entries.get(name);
  }
}
