package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileOwnerAttributeView;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.spi.FileSystemProvider;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.iommu4j.api.Errno;
import org.iommu4j.core.sysfs.OpenFlag;
import org.iommu4j.core.sysfs.SysfsFile;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsStat;
import org.jspecify.annotations.Nullable;

/** Turns what {@code Files} asks into system calls on one tree. */
final class SysfsProvider extends FileSystemProvider {
  static final String SCHEME = "sysfs";

  private final SysfsFileSystem fileSystem;

  SysfsProvider(SysfsFileSystem fileSystem) {
    this.fileSystem = fileSystem;
  }

  /** Makes a system call on a path. */
  private <T> T call(Path path, Function<SysfsProcess, T> systemCall) throws IOException {
    String file = text(path);
    SysfsProcess process = fileSystem.process();
    return Refusals.call(file, () -> systemCall.apply(process));
  }

  /** What the system call gets; the empty path stands for the working directory. */
  private static String text(Path path) {
    String text = SysfsPath.of(path).toString();
    return text.isEmpty() ? "." : text;
  }

  private static boolean follows(LinkOption... options) {
    return !Arrays.asList(options).contains(LinkOption.NOFOLLOW_LINKS);
  }

  // ---- which file system ----

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public SysfsFileSystem newFileSystem(URI uri, Map<String, ?> environment) {
    throw new UnsupportedOperationException("make it with SysfsFileSystem.of");
  }

  @Override
  public SysfsFileSystem getFileSystem(URI uri) {
    if (!SCHEME.equalsIgnoreCase(uri.getScheme())) {
      throw new FileSystemNotFoundException(uri.toString());
    }
    return fileSystem;
  }

  @Override
  public Path getPath(URI uri) {
    return getFileSystem(uri).getPath(uri.getPath());
  }

  // ---- files ----

  @Override
  public SeekableByteChannel newByteChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
      throws IOException {
    return newFileChannel(path, options, attributes);
  }

  @Override
  public FileChannel newFileChannel(
      Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
      throws IOException {
    EnumSet<OpenFlag> flags = OpenFlags.of(options);
    SysfsFile file =
        call(path, process -> process.open(text(path), flags.toArray(OpenFlag[]::new)));
    return new SysfsChannel(file, text(path), flags);
  }

  @Override
  public void checkAccess(Path path, AccessMode... modes) throws IOException {
    List<AccessMode> asked = List.of(modes);
    call(
        path,
        process -> {
          process.access(
              text(path),
              asked.contains(AccessMode.READ),
              asked.contains(AccessMode.WRITE),
              asked.contains(AccessMode.EXECUTE));
          return path;
        });
  }

  // ---- directories and links ----

  @Override
  public DirectoryStream<Path> newDirectoryStream(
      Path directory, DirectoryStream.Filter<? super Path> filter) throws IOException {
    if (!attributes(directory).isDirectory()) {
      throw Refusals.notDirectory(text(directory));
    }
    List<String> names = call(directory, process -> process.list(text(directory)));
    return new SysfsDirectoryStream(directory, names, filter);
  }

  @Override
  public Path readSymbolicLink(Path link) throws IOException {
    if (!attributes(link, LinkOption.NOFOLLOW_LINKS).isSymbolicLink()) {
      throw Refusals.notLink(text(link));
    }
    return fileSystem.getPath(call(link, process -> process.readlink(text(link))));
  }

  Path realPath(SysfsPath path, LinkOption... options) throws IOException {
    return fileSystem.getPath(
        call(
            path,
            process ->
                follows(options)
                    ? process.realpath(text(path))
                    : process.stat(text(path), false).path()));
  }

  @Override
  public boolean isSameFile(Path one, Path other) throws IOException {
    if (one.equals(other)) {
      return true;
    }
    if (!(other instanceof SysfsPath mine) || !mine.getFileSystem().equals(fileSystem)) {
      return false;
    }
    return one.toRealPath().equals(other.toRealPath());
  }

  @Override
  public boolean isHidden(Path path) {
    Path name = path.getFileName();
    return name != null && name.toString().startsWith(".");
  }

  @Override
  public FileStore getFileStore(Path path) throws IOException {
    attributes(path);
    return new SysfsFileStore();
  }

  // ---- attributes ----

  Attributes attributes(Path path, LinkOption... options) throws IOException {
    SysfsStat stat = call(path, process -> process.stat(text(path), follows(options)));
    return new Attributes(stat);
  }

  @Override
  public <A extends BasicFileAttributes> A readAttributes(
      Path path, Class<A> type, LinkOption... options) throws IOException {
    if (type != BasicFileAttributes.class && type != PosixFileAttributes.class) {
      throw new UnsupportedOperationException("sysfs has no " + type.getName());
    }
    return type.cast(attributes(path, options));
  }

  @Override
  public Map<String, Object> readAttributes(Path path, String wanted, LinkOption... options)
      throws IOException {
    int colon = wanted.indexOf(':');
    String view = colon < 0 ? "basic" : wanted.substring(0, colon);
    if (!Attributes.VIEWS.contains(view)) {
      throw new UnsupportedOperationException("View '" + view + "' not available");
    }
    Map<String, Object> all = attributes(path, options).ofView(view);
    Map<String, Object> chosen = new LinkedHashMap<>();
    for (String name : wanted.substring(colon + 1).split(",")) {
      if (name.equals("*")) {
        return all;
      }
      Object value = all.get(name);
      if (value == null) {
        throw new IllegalArgumentException("'" + name + "' not recognized");
      }
      chosen.put(name, value);
    }
    return chosen;
  }

  @Override
  public <V extends FileAttributeView> @Nullable V getFileAttributeView(
      Path path, Class<V> type, LinkOption... options) {
    String name =
        type == BasicFileAttributeView.class
            ? "basic"
            : type == PosixFileAttributeView.class
                ? "posix"
                : type == FileOwnerAttributeView.class ? "owner" : null;
    return name == null
        ? null
        : type.cast(new AttributeView(name, SysfsPath.of(path), List.of(options)));
  }

  @Override
  public void setAttribute(
      Path path, String attribute, @Nullable Object value, LinkOption... options)
      throws IOException {
    attributes(path, options);
    throw Refusals.of(text(path), Errno.EPERM);
  }

  // ---- what sysfs refuses ----

  @Override
  public void createDirectory(Path directory, FileAttribute<?>... attributes) throws IOException {
    throw notCreatable(directory);
  }

  @Override
  public void createSymbolicLink(Path link, Path target, FileAttribute<?>... attributes)
      throws IOException {
    throw notCreatable(link);
  }

  @Override
  public void createLink(Path link, Path existing) throws IOException {
    attributes(existing);
    throw notCreatable(link);
  }

  @Override
  public void delete(Path path) throws IOException {
    attributes(path, LinkOption.NOFOLLOW_LINKS);
    throw notPermitted(path);
  }

  @Override
  public void copy(Path source, Path target, CopyOption... options) throws IOException {
    attributes(source);
    refuseTarget(target, options);
  }

  @Override
  public void move(Path source, Path target, CopyOption... options) throws IOException {
    attributes(source, LinkOption.NOFOLLOW_LINKS);
    refuseTarget(target, options);
  }

  private void refuseTarget(Path target, CopyOption... options) throws IOException {
    if (Arrays.asList(options).contains(StandardCopyOption.REPLACE_EXISTING)) {
      throw notPermitted(target);
    }
    throw notCreatable(target);
  }

  private IOException notCreatable(Path path) throws IOException {
    if (exists(path)) {
      return Refusals.of(text(path), Errno.EEXIST);
    }
    Path parent = path.toAbsolutePath().getParent();
    if (parent != null && !attributes(parent).isDirectory()) {
      return Refusals.of(text(path), Errno.ENOTDIR);
    }
    return notPermitted(path);
  }

  /** Others than root do not get as far as being told that sysfs cannot do it. */
  private IOException notPermitted(Path path) {
    return Refusals.of(
        text(path), fileSystem.process().caller().uid() == 0 ? Errno.EPERM : Errno.EACCES);
  }

  private boolean exists(Path path) {
    try {
      attributes(path, LinkOption.NOFOLLOW_LINKS);
      return true;
    } catch (IOException missing) {
      return false;
    }
  }
}
