package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.nio.file.LinkOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.Errno;
import org.jspecify.annotations.Nullable;

/** The attributes of one path, to be looked at only. */
record AttributeView(String name, SysfsPath path, List<LinkOption> options)
    implements PosixFileAttributeView {
  @Override
  public Attributes readAttributes() throws IOException {
    return path.getFileSystem().ownProvider().attributes(path, options.toArray(LinkOption[]::new));
  }

  @Override
  public UserPrincipal getOwner() throws IOException {
    return readAttributes().owner();
  }

  @Override
  public void setOwner(UserPrincipal owner) throws IOException {
    throw fixed();
  }

  @Override
  public void setGroup(GroupPrincipal group) throws IOException {
    throw fixed();
  }

  @Override
  public void setPermissions(Set<PosixFilePermission> permissions) throws IOException {
    throw fixed();
  }

  @Override
  public void setTimes(
      @Nullable FileTime modified, @Nullable FileTime accessed, @Nullable FileTime created)
      throws IOException {
    throw fixed();
  }

  private IOException fixed() {
    return Refusals.of(path.toString(), Errno.EPERM);
  }
}
