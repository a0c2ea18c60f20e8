package org.iommu4j.core.sysfs;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.Caller;

/**
 * A tree of directories, each mounted at a path. Where several meet, their entries are shown
 * together. Immutable; what the mounted directories say may change at any time.
 */
public final class SysfsTree {
  private final List<SysfsDirectory> mounts;

  private SysfsTree(Builder builder) {
    this.mounts = List.copyOf(builder.mounts);
  }

  /**
   * Starts a tree.
   *
   * @return a builder with nothing but the root
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Somebody who makes system calls on this tree, in {@code /} at first.
   *
   * @param caller whose rights count
   * @return a new process
   */
  public SysfsProcess as(Caller caller) {
    return new SysfsProcess(this, caller);
  }

  SysfsDirectory root() {
    return new UnionDirectory(mounts);
  }

  /** Collects what is mounted where. Not thread-safe. */
  public static final class Builder {
    private final List<SysfsDirectory> mounts = new ArrayList<>();

    private Builder() {}

    /**
     * Shows a directory at a path; the directories above it exist from then on.
     *
     * @param path absolute, for example {@code /sys/bus/pci}
     * @param directory its entries take second place to those mounted earlier
     * @return this
     * @throws IllegalArgumentException if the path is not absolute
     */
    public Builder mount(String path, SysfsDirectory directory) {
      if (!path.startsWith("/")) {
        throw new IllegalArgumentException("'" + path + "' is not an absolute path");
      }
      String[] names = path.substring(1).split("/", -1);
      SysfsDirectory top = directory;
      for (int i = names.length - 1; i >= 0; i--) {
        if (!names[i].isEmpty()) {
          top = new FixedDirectory(Map.of(names[i], top));
        }
      }
      mounts.add(top);
      return this;
    }

    /**
     * Shows fixed entries at a path.
     *
     * @param path absolute
     * @param entries by name
     * @return this
     * @throws IllegalArgumentException if the path is not absolute
     */
    public Builder mount(String path, Map<String, SysfsNode> entries) {
      return mount(path, new FixedDirectory(entries));
    }

    /**
     * Completes the tree.
     *
     * @return a tree
     */
    public SysfsTree build() {
      return new SysfsTree(this);
    }
  }
}
