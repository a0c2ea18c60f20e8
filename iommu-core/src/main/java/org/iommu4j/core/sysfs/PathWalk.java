package org.iommu4j.core.sysfs;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** One look-up of a path, as the kernel walks it: name by name, following symbolic links. */
final class PathWalk {
  /** Linux: the most links one look-up follows. */
  private static final int MAX_LINKS = 40;

  private static final int MAX_PATH = 4096;
  private static final int MAX_NAME = 255;

  private final String wanted;
  private final Caller caller;
  private final List<Place> reached = new ArrayList<>();
  private final Deque<String> ahead = new ArrayDeque<>();
  private final boolean mustBeDirectory;
  private int links;

  private PathWalk(SysfsDirectory root, String start, String path, Caller caller) {
    this.wanted = path;
    this.caller = caller;
    if (path.isEmpty()) {
      throw refused(Errno.ENOENT, path);
    }
    if (path.length() >= MAX_PATH) {
      throw refused(Errno.ENAMETOOLONG, "a path of " + path.length() + " characters");
    }
    mustBeDirectory = path.endsWith("/");
    reached.add(new Place("/", root));
    push(path);
    if (!path.startsWith("/")) {
      push(start);
    }
  }

  /**
   * Finds a node.
   *
   * @param start where relative paths begin; absolute, without links
   * @param follow whether a link in the last place is followed
   * @throws IommuException ENOENT, ENOTDIR, ELOOP, EACCES or ENAMETOOLONG
   */
  static Place find(SysfsDirectory root, String start, String path, Caller caller, boolean follow) {
    return new PathWalk(root, start, path, caller).run(follow);
  }

  private void push(String path) {
    List<String> names = Arrays.asList(path.split("/"));
    for (int i = names.size() - 1; i >= 0; i--) {
      if (!names.get(i).isEmpty() && !names.get(i).equals(".")) {
        ahead.push(names.get(i));
      }
    }
  }

  private Place run(boolean follow) {
    while (!ahead.isEmpty()) {
      step(ahead.pop(), follow || mustBeDirectory);
    }
    Place end = here();
    if (mustBeDirectory && !(end.node() instanceof SysfsDirectory)) {
      throw refused(Errno.ENOTDIR, end.path());
    }
    return end;
  }

  private void step(String name, boolean followLast) {
    SysfsDirectory directory = searchable();
    if (name.equals("..")) {
      if (reached.size() > 1) {
        reached.remove(reached.size() - 1);
      }
      return;
    }
    if (name.length() > MAX_NAME) {
      throw refused(Errno.ENAMETOOLONG, "a name of " + name.length() + " characters");
    }
    SysfsNode child = directory.child(name);
    if (child == null) {
      throw refused(Errno.ENOENT, join(here().path(), name));
    }
    if (child instanceof SysfsLink link && (followLast || !ahead.isEmpty())) {
      follow(link, join(here().path(), name));
    } else {
      reached.add(new Place(join(here().path(), name), child));
    }
  }

  private SysfsDirectory searchable() {
    Place here = here();
    if (!(here.node() instanceof SysfsDirectory directory)) {
      throw refused(Errno.ENOTDIR, here.path());
    }
    if (!Rights.EXECUTE.granted(here.node(), caller)) {
      throw refused(Errno.EACCES, here.path());
    }
    return directory;
  }

  private void follow(SysfsLink link, String at) {
    if (++links > MAX_LINKS) {
      throw refused(Errno.ELOOP, at);
    }
    if (link.target().startsWith("/")) {
      reached.subList(1, reached.size()).clear();
    }
    push(link.target());
  }

  private Place here() {
    return reached.get(reached.size() - 1);
  }

  private static String join(String directory, String name) {
    return directory.equals("/") ? "/" + name : directory + "/" + name;
  }

  private IommuException refused(Errno errno, String where) {
    return new IommuException(errno, where.equals(wanted) ? where : wanted + " at " + where);
  }
}
