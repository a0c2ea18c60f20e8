package org.iommu4j.core.sysfs;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/**
 * Somebody who makes system calls on a tree: a caller and a working directory. Every refusal is an
 * {@link IommuException} with the errno that Linux would return. Thread-safe.
 */
public final class SysfsProcess {
  private final SysfsTree tree;
  private final Caller caller;
  private volatile String directory = "/";

  SysfsProcess(SysfsTree tree, Caller caller) {
    this.tree = tree;
    this.caller = caller;
  }

  /**
   * Whose rights count.
   *
   * @return always the same
   */
  public Caller caller() {
    return caller;
  }

  /**
   * getcwd(3).
   *
   * @return absolute, without symbolic links
   */
  public String workingDirectory() {
    return directory;
  }

  /**
   * chdir(2).
   *
   * @param path absolute or relative
   * @throws IommuException ENOENT, ENOTDIR, EACCES, ELOOP or ENAMETOOLONG
   */
  public void changeDirectory(String path) {
    Place place = find(path, true);
    if (!(place.node() instanceof SysfsDirectory)) {
      throw new IommuException(Errno.ENOTDIR, path);
    }
    requireRight(Rights.EXECUTE, place);
    directory = place.path();
  }

  /**
   * open(2).
   *
   * @param path absolute or relative
   * @param wanted how; with neither {@link OpenFlag#READ} nor {@link OpenFlag#WRITE} for reading
   * @return a handle
   * @throws IommuException EACCES if the mode forbids it, also to root if it forbids it to
   *     everybody, or if the file would have to be created; ENOENT, EISDIR, EEXIST, ELOOP, ENOTDIR
   *     or ENAMETOOLONG
   */
  public SysfsFile open(String path, OpenFlag... wanted) {
    EnumSet<OpenFlag> flags = EnumSet.noneOf(OpenFlag.class);
    flags.addAll(List.of(wanted));
    if (!flags.contains(OpenFlag.WRITE)) {
      flags.add(OpenFlag.READ);
    }
    Place place = findToOpen(path, flags);
    if (place.node() instanceof SysfsLink) {
      throw new IommuException(Errno.ELOOP, path + " is a symbolic link");
    }
    if (place.node() instanceof SysfsAttribute attribute) {
      return openFile(place, attribute, flags);
    }
    if (flags.contains(OpenFlag.WRITE) || flags.contains(OpenFlag.CREATE)) {
      throw new IommuException(Errno.EISDIR, path);
    }
    requireRight(Rights.READ, place);
    return new SysfsFile(null, place.path(), flags, caller);
  }

  private Place findToOpen(String path, Set<OpenFlag> flags) {
    boolean create = flags.contains(OpenFlag.CREATE);
    boolean exclusive = create && flags.contains(OpenFlag.EXCLUSIVE);
    try {
      Place place = find(path, !exclusive && !flags.contains(OpenFlag.NO_FOLLOW));
      if (exclusive) {
        throw new IommuException(Errno.EEXIST, path);
      }
      return place;
    } catch (IommuException refused) {
      if (create && refused.errno() == Errno.ENOENT && !path.isEmpty() && hasParent(path)) {
        throw new IommuException(Errno.EACCES, "no file can be created: " + path, refused);
      }
      throw refused;
    }
  }

  /** Whether only the last name of a path is missing. */
  private boolean hasParent(String path) {
    int slash = path.lastIndexOf('/');
    String parent = slash < 0 ? "." : path.substring(0, slash + 1);
    try {
      return find(parent, true).node() instanceof SysfsDirectory;
    } catch (IommuException missing) {
      return false;
    }
  }

  private SysfsFile openFile(Place place, SysfsAttribute attribute, Set<OpenFlag> flags) {
    if (flags.contains(OpenFlag.READ)) {
      requireRightOfAnybody(Rights.READ, place);
    }
    if (flags.contains(OpenFlag.WRITE)) {
      requireRightOfAnybody(Rights.WRITE, place);
    } else if (flags.contains(OpenFlag.TRUNCATE)) {
      requireRight(Rights.WRITE, place);
    }
    return new SysfsFile(new OpenFile(place.path(), attribute), place.path(), flags, caller);
  }

  private void requireRightOfAnybody(Rights right, Place place) {
    requireRight(right, place);
    if (!right.grantedToAnybody(place.node())) {
      throw denied(right, place);
    }
  }

  private void requireRight(Rights right, Place place) {
    if (!right.granted(place.node(), caller)) {
      throw denied(right, place);
    }
  }

  private IommuException denied(Rights right, Place place) {
    return new IommuException(
        Errno.EACCES,
        String.format(
            "%s has mode %04o: no %s for %s", place.path(), place.node().mode(), right, caller));
  }

  /**
   * access(2), which asks the permission bits only: root may hear yes and still be refused by
   * {@link #open}.
   *
   * @param path absolute or relative; symbolic links are followed
   * @param read whether reading is asked about
   * @param write whether writing is asked about
   * @param execute whether executing or searching is asked about
   * @throws IommuException EACCES if no, ENOENT and so on if the path leads nowhere
   */
  public void access(String path, boolean read, boolean write, boolean execute) {
    Place place = find(path, true);
    if (read) {
      requireRight(Rights.READ, place);
    }
    if (write) {
      requireRight(Rights.WRITE, place);
    }
    if (execute) {
      requireRight(Rights.EXECUTE, place);
    }
  }

  /**
   * stat(2), or lstat(2).
   *
   * @param path absolute or relative
   * @param follow whether a symbolic link in the last place is followed
   * @return what is there
   * @throws IommuException ENOENT, ENOTDIR, EACCES, ELOOP or ENAMETOOLONG
   */
  public SysfsStat stat(String path, boolean follow) {
    return SysfsStat.of(find(path, follow));
  }

  /**
   * readlink(2).
   *
   * @param path absolute or relative
   * @return the text of the link: the way from its directory
   * @throws IommuException EINVAL if it is no symbolic link, otherwise as {@link #stat}
   */
  public String readlink(String path) {
    Place place = find(path, false);
    if (place.node() instanceof SysfsLink link) {
      return Relative.way(place.parent(), link.target());
    }
    throw new IommuException(Errno.EINVAL, path + " is not a symbolic link");
  }

  /**
   * realpath(3).
   *
   * @param path absolute or relative
   * @return absolute, without symbolic links
   * @throws IommuException as {@link #stat}
   */
  public String realpath(String path) {
    return find(path, true).path();
  }

  /**
   * The entries of a directory, without {@code .} and {@code ..}.
   *
   * @param path absolute or relative; symbolic links are followed
   * @return sorted by character code
   * @throws IommuException ENOTDIR if it is no directory, otherwise as {@link #stat}
   */
  public List<String> list(String path) {
    Place place = find(path, true);
    if (!(place.node() instanceof SysfsDirectory listed)) {
      throw new IommuException(Errno.ENOTDIR, path);
    }
    requireRight(Rights.READ, place);
    return listed.names().stream().sorted().toList();
  }

  /**
   * Opens, reads to the end, closes.
   *
   * @param path absolute or relative
   * @return the whole text
   * @throws IommuException as {@link #open} and {@link SysfsFile#read}
   */
  public String readString(String path) {
    try (SysfsFile file = open(path, OpenFlag.READ)) {
      ByteBuffer text = ByteBuffer.allocate(SysfsFile.PAGE);
      while (text.hasRemaining() && file.read(text) > 0) {
        // One text never needs a second page.
      }
      return StandardCharsets.UTF_8.decode(text.flip()).toString();
    }
  }

  /**
   * Opens as a shell's {@code >} does, writes once, closes.
   *
   * @param path absolute or relative
   * @param text what is written
   * @return bytes consumed
   * @throws IommuException as {@link #open} and {@link SysfsFile#write(String)}
   */
  public int writeString(String path, String text) {
    try (SysfsFile file = open(path, OpenFlag.WRITE, OpenFlag.CREATE, OpenFlag.TRUNCATE)) {
      return file.write(text);
    }
  }

  private Place find(String path, boolean follow) {
    return PathWalk.find(tree.root(), directory, path, caller, follow);
  }
}
