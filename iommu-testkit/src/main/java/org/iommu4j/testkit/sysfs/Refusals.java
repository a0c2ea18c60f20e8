package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.NotLinkException;
import java.util.function.Supplier;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** Turns refusals of system calls into what the methods of {@code Files} throw. */
final class Refusals {
  private Refusals() {}

  /** Makes a system call on behalf of a file. */
  static <T> T call(String file, Supplier<T> systemCall) throws IOException {
    try {
      return systemCall.get();
    } catch (IommuException refused) {
      throw translate(file, refused);
    }
  }

  private static IOException translate(String file, IommuException refused) {
    IOException translated = of(file, refused.errno());
    translated.initCause(refused);
    return translated;
  }

  /** The exception that callers of {@code Files} expect for an errno. */
  static IOException of(String file, Errno errno) {
    return switch (errno) {
      case ENOENT -> new Missing(file);
      case EACCES -> new Denied(file);
      case EEXIST -> new Exists(file);
      case ELOOP -> new Loop(file);
      default -> new SysfsException(file, errno);
    };
  }

  /** ENOTDIR, where a directory was to be listed. */
  static IOException notDirectory(String file) {
    return new NoDirectory(file);
  }

  /** EINVAL, where a link was to be read. */
  static IOException notLink(String file) {
    return new NoLink(file);
  }

  private static final class Missing extends NoSuchFileException implements ErrnoCarrier {
    private static final long serialVersionUID = 1L;

    Missing(String file) {
      super(file);
    }

    @Override
    public Errno errno() {
      return Errno.ENOENT;
    }
  }

  private static final class Denied extends AccessDeniedException implements ErrnoCarrier {
    private static final long serialVersionUID = 1L;

    Denied(String file) {
      super(file);
    }

    @Override
    public Errno errno() {
      return Errno.EACCES;
    }
  }

  private static final class Exists extends FileAlreadyExistsException implements ErrnoCarrier {
    private static final long serialVersionUID = 1L;

    Exists(String file) {
      super(file);
    }

    @Override
    public Errno errno() {
      return Errno.EEXIST;
    }
  }

  private static final class Loop extends FileSystemLoopException implements ErrnoCarrier {
    private static final long serialVersionUID = 1L;

    Loop(String file) {
      super(file);
    }

    @Override
    public Errno errno() {
      return Errno.ELOOP;
    }
  }

  private static final class NoDirectory extends NotDirectoryException implements ErrnoCarrier {
    private static final long serialVersionUID = 1L;

    NoDirectory(String file) {
      super(file);
    }

    @Override
    public Errno errno() {
      return Errno.ENOTDIR;
    }
  }

  private static final class NoLink extends NotLinkException implements ErrnoCarrier {
    private static final long serialVersionUID = 1L;

    NoLink(String file) {
      super(file);
    }

    @Override
    public Errno errno() {
      return Errno.EINVAL;
    }
  }
}
