package org.iommu4j.core.sysfs;

/**
 * A symbolic link.
 *
 * @param target where it leads; an absolute path is shown as the way from the link's directory, as
 *     the kernel shows it, a relative one as it is
 */
public record SysfsLink(String target) implements SysfsNode {
  @Override
  public int mode() {
    return 0777;
  }
}
