package org.iommu4j.core.sysfs;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * A directory whose entries are asked for each time. Implement it to mount something into a {@link
 * SysfsTree}; it must be thread-safe, and what it says may change between any two calls.
 */
public non-sealed interface SysfsDirectory extends SysfsNode {
  /**
   * The names of the entries at this moment, without {@code .} and {@code ..}.
   *
   * @return in any order
   */
  Collection<String> names();

  /**
   * Looks an entry up.
   *
   * @param name without slashes
   * @return null if there is no such entry
   */
  @Nullable SysfsNode child(String name);

  @Override
  default int mode() {
    return 0755;
  }
}
