package org.iommu4j.core.sysfs;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A directory that is known by the full paths of the directories below it that have something in
 * them, such as {@code /sys/devices}.
 *
 * <p>Who has a directory is asked at every look-up, when the walk comes through here; where those
 * directories are is worked out again only if somebody came or went since the last time. What is in
 * a directory is asked if somebody looks into it.
 *
 * @param <K> what has a directory; compared by {@code equals}
 */
public final class SparseDirectory<K> implements SysfsDirectory {
  private final String root;
  private final Supplier<? extends Collection<K>> owners;
  private final Function<K, String> path;
  private final Function<K, Map<String, SysfsNode>> entries;

  /** The last one; a race between two look-ups only makes both work. */
  private volatile @Nullable Picture<K> last;

  /**
   * Creates a directory.
   *
   * @param root where it will be mounted
   * @param owners who has a directory at this moment; if two have one path, the first gets it
   * @param path the full path of an owner's directory, below the root; always the same
   * @param entries what is in an owner's directory at this moment
   */
  public SparseDirectory(
      String root,
      Supplier<? extends Collection<K>> owners,
      Function<K, String> path,
      Function<K, Map<String, SysfsNode>> entries) {
    this.root = root;
    this.owners = owners;
    this.path = path;
    this.entries = entries;
  }

  @Override
  public Collection<String> names() {
    return inside().names();
  }

  @Override
  public @Nullable SysfsNode child(String name) {
    return inside().child(name);
  }

  private Inside<K> inside() {
    List<K> now = List.copyOf(owners.get());
    Picture<K> picture = last;
    if (picture == null || !picture.owners.equals(now)) {
      picture = new Picture<>(root, now, path);
      last = picture;
    }
    return new Inside<>(picture, entries, root);
  }

  /** Who is where. */
  private static final class Picture<K> {
    private final List<K> owners;
    private final Map<String, K> byPath = new HashMap<>();
    private final Map<String, Set<String>> below = new HashMap<>();

    Picture(String root, List<K> owners, Function<K, String> path) {
      this.owners = owners;
      for (K owner : owners) {
        String place = path.apply(owner);
        byPath.putIfAbsent(place, owner);
        addWayTo(place, root.length());
      }
    }

    private void addWayTo(String place, int rootLength) {
      int end = place.length();
      int slash = place.lastIndexOf('/');
      while (slash >= rootLength) {
        Set<String> names =
            below.computeIfAbsent(place.substring(0, slash), unused -> new HashSet<>());
        if (!names.add(place.substring(slash + 1, end))) {
          return;
        }
        end = slash;
        slash = place.lastIndexOf('/', end - 1);
      }
    }

    Set<String> below(String place) {
      Set<String> names = below.get(place);
      return names == null ? Set.of() : names;
    }
  }

  private record Inside<K>(
      Picture<K> picture, Function<K, Map<String, SysfsNode>> entries, String place)
      implements SysfsDirectory {
    @Override
    public Collection<String> names() {
      TreeSet<String> names = new TreeSet<>(picture.below(place));
      names.addAll(own().keySet());
      return names;
    }

    @Override
    public @Nullable SysfsNode child(String name) {
      return picture.below(place).contains(name)
          ? new Inside<>(picture, entries, place + "/" + name)
          : own().get(name);
    }

    private Map<String, SysfsNode> own() {
      K owner = picture.byPath.get(place);
      return owner == null ? Map.of() : entries.apply(owner);
    }
  }
}
