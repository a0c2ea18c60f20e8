package org.iommu4j.core.sysfs;

import java.util.List;

/** The way from one directory of the tree to another place. */
final class Relative {
  private Relative() {}

  /** What a link in a directory reads, if it leads to a target. */
  static String way(String from, String target) {
    if (!target.startsWith("/")) {
      return target;
    }
    List<String> start = names(from);
    List<String> end = names(target);
    int common = 0;
    while (common < start.size()
        && common < end.size()
        && start.get(common).equals(end.get(common))) {
      common++;
    }
    String up = "../".repeat(start.size() - common);
    String way = up + String.join("/", end.subList(common, end.size()));
    return way.endsWith("/") ? way.substring(0, way.length() - 1) : way;
  }

  private static List<String> names(String path) {
    return List.of(path.split("/")).stream().filter(name -> !name.isEmpty()).toList();
  }
}
