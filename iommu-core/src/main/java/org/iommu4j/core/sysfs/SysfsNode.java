package org.iommu4j.core.sysfs;

/** What a name in the tree stands for: a directory, an attribute file or a symbolic link. */
public sealed interface SysfsNode permits SysfsDirectory, SysfsAttribute, SysfsLink {
  /**
   * The permission bits; everything belongs to uid 0.
   *
   * @return 0 to 0777
   */
  int mode();
}
