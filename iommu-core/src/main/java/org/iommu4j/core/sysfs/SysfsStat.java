package org.iommu4j.core.sysfs;

/**
 * What stat(2) tells.
 *
 * @param kind what it is
 * @param mode permission bits, 0 to 0777
 * @param path the path without symbolic links (of the link itself for lstat)
 */
public record SysfsStat(Kind kind, int mode, String path) {
  /** Kinds of nodes, with the bits that stat(2) puts before the mode. */
  public enum Kind {
    /** A directory. */
    DIRECTORY(0040000),
    /** An attribute file. */
    FILE(0100000),
    /** A symbolic link. */
    LINK(0120000);

    private final int bits;

    Kind(int bits) {
      this.bits = bits;
    }
  }

  static SysfsStat of(Place place) {
    SysfsNode node = place.node();
    Kind kind =
        node instanceof SysfsDirectory
            ? Kind.DIRECTORY
            : node instanceof SysfsLink ? Kind.LINK : Kind.FILE;
    return new SysfsStat(kind, node.mode(), place.path());
  }

  /**
   * Kind and permissions in one number.
   *
   * @return for example 0100444
   */
  public int fileMode() {
    return kind.bits | mode;
  }

  /**
   * The size: 4,096 for every file, whatever it reads.
   *
   * @return bytes
   */
  public long size() {
    return kind == Kind.FILE ? SysfsFile.PAGE : 0;
  }
}
