package org.iommu4j.core.sysfs;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A directory that is known by the full paths of the directories below it that have something in
 * them, such as {@code /sys/devices}. The picture is taken once per look-up, when the walk comes
 * through here; the entries of a directory are made only if somebody looks into it.
 */
public final class SparseDirectory implements SysfsDirectory {
  private final String root;
  private final Supplier<? extends Map<String, Supplier<Map<String, SysfsNode>>>> contents;

  /**
   * Creates a directory.
   *
   * @param root where it will be mounted
   * @param contents at each moment: full path of a directory below the root, to what makes its
   *     entries; directories on the way need not be listed
   */
  public SparseDirectory(
      String root, Supplier<? extends Map<String, Supplier<Map<String, SysfsNode>>>> contents) {
    this.root = root;
    this.contents = contents;
  }

  @Override
  public Collection<String> names() {
    return inside().names();
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    return inside().child(name);
  }

  private Inside inside() {
    return new Inside(new Picture(root, contents.get()), root);
  }

  /** Which directories there are at one moment. */
  private static final class Picture {
    private final Map<String, Supplier<Map<String, SysfsNode>>> contents;
    private final Map<String, Set<String>> below = new HashMap<>();

    Picture(String root, Map<String, Supplier<Map<String, SysfsNode>>> contents) {
      this.contents = contents;
      for (String path : contents.keySet()) {
        addWayTo(path, root.length());
      }
    }

    private void addWayTo(String path, int rootLength) {
      int end = path.length();
      int slash = path.lastIndexOf('/');
      while (slash >= rootLength) {
        Set<String> names =
            below.computeIfAbsent(path.substring(0, slash), unused -> new HashSet<>());
        if (!names.add(path.substring(slash + 1, end))) {
          return;
        }
        end = slash;
        slash = path.lastIndexOf('/', end - 1);
      }
    }

    Map<String, SysfsNode> entries(String path) {
      Supplier<Map<String, SysfsNode>> maker = contents.get(path);
      return maker == null ? Map.of() : maker.get();
    }

    Set<String> below(String path) {
      Set<String> names = below.get(path);
      return names == null ? Set.of() : names;
    }
  }

  private record Inside(Picture picture, String path) implements SysfsDirectory {
    @Override
    public Collection<String> names() {
      TreeSet<String> names = new TreeSet<>(picture.below(path));
      names.addAll(picture.entries(path).keySet());
      return names;
    }

    @Override
    public @Nullable SysfsNode child(String name) {
      return picture.below(path).contains(name)
          ? new Inside(picture, path + "/" + name)
          : picture.entries(path).get(name);
    }
  }
}
