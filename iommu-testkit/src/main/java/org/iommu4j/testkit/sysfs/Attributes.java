package org.iommu4j.testkit.sysfs;

import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipal;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.iommu4j.core.sysfs.SysfsStat;

/** What is known of a file; nobody keeps times here, so all are the epoch. */
record Attributes(SysfsStat stat) implements PosixFileAttributes {
  static final Set<String> VIEWS = Set.of("basic", "posix", "owner", "unix");

  /** From the lowest bit up. */
  private static final PosixFilePermission[] BITS = {
    PosixFilePermission.OTHERS_EXECUTE,
    PosixFilePermission.OTHERS_WRITE,
    PosixFilePermission.OTHERS_READ,
    PosixFilePermission.GROUP_EXECUTE,
    PosixFilePermission.GROUP_WRITE,
    PosixFilePermission.GROUP_READ,
    PosixFilePermission.OWNER_EXECUTE,
    PosixFilePermission.OWNER_WRITE,
    PosixFilePermission.OWNER_READ
  };

  private static final FileTime EPOCH = FileTime.fromMillis(0);

  @Override
  public UserPrincipal owner() {
    return Principals.ROOT;
  }

  @Override
  public GroupPrincipal group() {
    return Principals.ROOT;
  }

  @Override
  public Set<PosixFilePermission> permissions() {
    EnumSet<PosixFilePermission> set = EnumSet.noneOf(PosixFilePermission.class);
    for (int bit = 0; bit < BITS.length; bit++) {
      if ((stat.mode() >> bit & 1) != 0) {
        set.add(BITS[bit]);
      }
    }
    return set;
  }

  @Override
  public FileTime lastModifiedTime() {
    return EPOCH;
  }

  @Override
  public FileTime lastAccessTime() {
    return EPOCH;
  }

  @Override
  public FileTime creationTime() {
    return EPOCH;
  }

  @Override
  public boolean isRegularFile() {
    return stat.kind() == SysfsStat.Kind.FILE;
  }

  @Override
  public boolean isDirectory() {
    return stat.kind() == SysfsStat.Kind.DIRECTORY;
  }

  @Override
  public boolean isSymbolicLink() {
    return stat.kind() == SysfsStat.Kind.LINK;
  }

  @Override
  public boolean isOther() {
    return false;
  }

  @Override
  public long size() {
    return stat.size();
  }

  /** The path without links: two files with one such path are one file. */
  @Override
  public Object fileKey() {
    return stat.path();
  }

  /** The attributes of a view, by the names that {@code Files.readAttributes} takes. */
  Map<String, Object> ofView(String view) {
    Map<String, Object> all = new LinkedHashMap<>();
    if (!view.equals("owner")) {
      all.put("lastModifiedTime", lastModifiedTime());
      all.put("lastAccessTime", lastAccessTime());
      all.put("creationTime", creationTime());
      all.put("size", size());
      all.put("isRegularFile", isRegularFile());
      all.put("isDirectory", isDirectory());
      all.put("isSymbolicLink", isSymbolicLink());
      all.put("isOther", isOther());
      all.put("fileKey", fileKey());
    }
    if (!view.equals("basic")) {
      all.put("owner", owner());
    }
    if (view.equals("posix") || view.equals("unix")) {
      all.put("permissions", permissions());
      all.put("group", group());
    }
    if (view.equals("unix")) {
      all.put("mode", stat.fileMode());
      all.put("uid", 0);
      all.put("gid", 0);
    }
    return all;
  }
}
