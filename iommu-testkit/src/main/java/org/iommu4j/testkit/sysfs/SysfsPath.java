package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.iommu4j.api.Errno;
import org.jspecify.annotations.Nullable;

/** A path as Unix has them. The empty path is relative and has one empty name. */
final class SysfsPath implements Path {
  private static final String SEPARATOR = "/";
  private static final String HERE = ".";
  private static final String UP = "..";

  private final SysfsFileSystem fileSystem;
  private final boolean absolute;
  private final List<String> names;

  private SysfsPath(SysfsFileSystem fileSystem, boolean absolute, List<String> names) {
    this.fileSystem = fileSystem;
    this.absolute = absolute;
    this.names = !absolute && names.isEmpty() ? List.of("") : List.copyOf(names);
  }

  static SysfsPath parse(SysfsFileSystem fileSystem, String text) {
    if (text.indexOf('\0') >= 0) {
      throw new InvalidPathException(text, "Nul character not allowed");
    }
    List<String> names =
        Arrays.stream(text.split(SEPARATOR)).filter(name -> !name.isEmpty()).toList();
    return new SysfsPath(fileSystem, text.startsWith(SEPARATOR), names);
  }

  /** A path of this kind, whoever made it. */
  static SysfsPath of(Path path) {
    if (Objects.requireNonNull(path) instanceof SysfsPath mine) {
      return mine;
    }
    throw new ProviderMismatchException(path + " is not a path in a sysfs tree");
  }

  private SysfsPath with(boolean isAbsolute, List<String> parts) {
    return new SysfsPath(fileSystem, isAbsolute, parts);
  }

  private boolean isEmpty() {
    return !absolute && names.size() == 1 && names.get(0).isEmpty();
  }

  @Override
  public SysfsFileSystem getFileSystem() {
    return fileSystem;
  }

  @Override
  public boolean isAbsolute() {
    return absolute;
  }

  @Override
  public @Nullable Path getRoot() {
    return absolute ? with(true, List.of()) : null;
  }

  @Override
  public @Nullable Path getFileName() {
    return names.isEmpty() ? null : with(false, names.subList(names.size() - 1, names.size()));
  }

  @Override
  public @Nullable Path getParent() {
    if (names.size() > 1) {
      return with(absolute, names.subList(0, names.size() - 1));
    }
    return names.isEmpty() ? null : getRoot();
  }

  @Override
  public int getNameCount() {
    return names.size();
  }

  @Override
  public Path getName(int index) {
    return subpath(index, index + 1);
  }

  @Override
  public Path subpath(int from, int to) {
    if (from < 0 || to > names.size() || from >= to) {
      throw new IllegalArgumentException(this + " has no names " + from + " to " + to);
    }
    return with(false, names.subList(from, to));
  }

  @Override
  public boolean startsWith(Path other) {
    if (!(other instanceof SysfsPath prefix) || !prefix.fileSystem.equals(fileSystem)) {
      return false;
    }
    if (isEmpty() || prefix.isEmpty()) {
      return equals(other);
    }
    return absolute == prefix.absolute
        && prefix.names.size() <= names.size()
        && names.subList(0, prefix.names.size()).equals(prefix.names);
  }

  @Override
  public boolean endsWith(Path other) {
    if (!(other instanceof SysfsPath suffix) || !suffix.fileSystem.equals(fileSystem)) {
      return false;
    }
    if (isEmpty() || suffix.isEmpty() || suffix.absolute) {
      return equals(other);
    }
    int start = names.size() - suffix.names.size();
    return start >= 0 && names.subList(start, names.size()).equals(suffix.names);
  }

  @Override
  public Path normalize() {
    List<String> kept = new ArrayList<>();
    for (String name : names) {
      boolean canGoUp = !kept.isEmpty() && !kept.get(kept.size() - 1).equals(UP);
      if (name.equals(UP) && canGoUp) {
        kept.remove(kept.size() - 1);
      } else if (!name.equals(HERE) && !(name.equals(UP) && absolute)) {
        kept.add(name);
      }
    }
    return with(absolute, kept);
  }

  @Override
  public Path resolve(Path other) {
    SysfsPath further = of(other);
    if (further.absolute || isEmpty()) {
      return further;
    }
    if (further.isEmpty()) {
      return this;
    }
    List<String> all = new ArrayList<>(names);
    all.addAll(further.names);
    return with(absolute, all);
  }

  @Override
  public Path relativize(Path other) {
    SysfsPath target = of(other);
    if (target.absolute != absolute) {
      throw new IllegalArgumentException("'other' is different type of Path");
    }
    if (equals(target)) {
      return with(false, List.of());
    }
    if (isEmpty()) {
      return target;
    }
    SysfsPath from = this;
    if (hasDots() || target.hasDots()) {
      from = (SysfsPath) normalize();
      target = (SysfsPath) target.normalize();
    }
    return from.wayTo(target);
  }

  private boolean hasDots() {
    return names.contains(HERE) || names.contains(UP);
  }

  private Path wayTo(SysfsPath target) {
    List<String> start = isEmpty() ? List.of() : names;
    List<String> end = target.isEmpty() ? List.of() : target.names;
    int common = 0;
    while (common < start.size()
        && common < end.size()
        && start.get(common).equals(end.get(common))) {
      common++;
    }
    List<String> left = start.subList(common, start.size());
    if (left.contains(UP)) {
      throw new IllegalArgumentException(
          "Unable to compute relative  path from " + this + " to " + target);
    }
    List<String> way = new ArrayList<>(Collections.nCopies(left.size(), UP));
    way.addAll(end.subList(common, end.size()));
    return with(false, way);
  }

  @Override
  public URI toUri() {
    try {
      return new URI(SysfsProvider.SCHEME, null, toAbsolutePath().toString(), null);
    } catch (URISyntaxException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  @Override
  public Path toAbsolutePath() {
    return absolute ? this : with(true, isEmpty() ? List.of() : names);
  }

  @Override
  public Path toRealPath(LinkOption... options) throws IOException {
    return fileSystem.ownProvider().realPath(this, options);
  }

  @Override
  public WatchKey register(
      WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers)
      throws IOException {
    throw Refusals.of(toString(), Errno.EOPNOTSUPP);
  }

  @Override
  public int compareTo(Path other) {
    return toString().compareTo(of(other).toString());
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof SysfsPath path
        && path.fileSystem.equals(fileSystem)
        && path.absolute == absolute
        && path.names.equals(names);
  }

  @Override
  public int hashCode() {
    return 31 * names.hashCode() + Boolean.hashCode(absolute);
  }

  @Override
  public String toString() {
    return (absolute ? SEPARATOR : "") + String.join(SEPARATOR, names);
  }
}
