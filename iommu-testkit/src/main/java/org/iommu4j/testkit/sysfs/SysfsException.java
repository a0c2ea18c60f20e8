package org.iommu4j.testkit.sysfs;

import java.nio.file.FileSystemException;
import org.iommu4j.api.Errno;

/**
 * A refused system call for which {@link java.nio.file} has no exception of its own, for example
 * EBUSY. Those for which it has one, such as {@link java.nio.file.NoSuchFileException}, are thrown
 * as subtypes of that one; all are {@link ErrnoCarrier}s.
 */
public final class SysfsException extends FileSystemException implements ErrnoCarrier {
  private static final long serialVersionUID = 1L;

  /** Why, for programs. */
  private final Errno errno;

  SysfsException(String file, Errno errno) {
    super(file, null, errno.text());
    this.errno = errno;
  }

  @Override
  public Errno errno() {
    return errno;
  }
}
