package org.iommu4j.core.sysfs;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Several directories in one place: directories of one name melt, otherwise the first wins. */
record UnionDirectory(List<SysfsDirectory> parts) implements SysfsDirectory {
  @Override
  public Collection<String> names() {
    TreeSet<String> names = new TreeSet<>();
    parts.forEach(part -> names.addAll(part.names()));
    return names;
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    List<SysfsDirectory> melted = new ArrayList<>();
    for (SysfsDirectory part : parts) {
      SysfsNode child = part.child(name);
      if (child instanceof SysfsDirectory directory) {
        melted.add(directory);
      } else if (child != null && melted.isEmpty()) {
        return child;
      }
    }
    return switch (melted.size()) {
      case 0 -> null;
      case 1 -> melted.get(0);
      default -> new UnionDirectory(List.copyOf(melted));
    };
  }
}
