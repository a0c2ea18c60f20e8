package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.nio.file.ClosedFileSystemException;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.iommu4j.api.Caller;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.iommu4j.core.sysfs.SysfsTree;

/**
 * A sysfs tree as a file system, so that code written for {@link Path} and {@link
 * java.nio.file.Files} runs on a fake machine unchanged.
 *
 * <pre>{@code
 * var files = SysfsFileSystem.of(MachineSysfs.of(machine), Caller.ROOT);
 * Path type = files.getPath("/sys/kernel/iommu_groups/0/type");
 * Files.writeString(type, "identity");
 * Files.readString(type); // "identity\n"
 * }</pre>
 *
 * <p>Every refusal is an {@link IOException} that is an {@link ErrnoCarrier}; where {@code
 * java.nio.file} has an exception for it, it is a subtype of that one. Nothing can be created,
 * deleted or moved, and no attribute can be set. Each file has size 4,096, whatever it reads, and
 * all times are the epoch. Relative paths begin at {@code /}. Thread-safe.
 */
public final class SysfsFileSystem extends FileSystem {
  private final SysfsTree tree;
  private final Caller caller;
  private final SysfsProvider provider = new SysfsProvider(this);
  private volatile boolean open = true;

  private SysfsFileSystem(SysfsTree tree, Caller caller) {
    this.tree = tree;
    this.caller = caller;
  }

  /**
   * A file system on a tree.
   *
   * @param tree what is seen
   * @param caller with whose rights
   * @return a file system with a provider of its own
   */
  public static SysfsFileSystem of(SysfsTree tree, Caller caller) {
    return new SysfsFileSystem(tree, caller);
  }

  /**
   * The same tree seen by somebody else.
   *
   * @param other with whose rights
   * @return another file system; paths of one do not fit the other
   */
  public SysfsFileSystem as(Caller other) {
    return new SysfsFileSystem(tree, other);
  }

  SysfsProcess process() {
    if (!open) {
      throw new ClosedFileSystemException();
    }
    return tree.as(caller);
  }

  @Override
  public FileSystemProvider provider() {
    return provider;
  }

  SysfsProvider ownProvider() {
    return provider;
  }

  /** Closes the file system; the machine is not touched. */
  @Override
  public void close() {
    open = false;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public String getSeparator() {
    return "/";
  }

  @Override
  public Iterable<Path> getRootDirectories() {
    return List.of(getPath("/"));
  }

  @Override
  public Iterable<FileStore> getFileStores() {
    return List.of(new SysfsFileStore());
  }

  @Override
  public Set<String> supportedFileAttributeViews() {
    return Attributes.VIEWS;
  }

  @Override
  public Path getPath(String first, String... more) {
    StringBuilder text = new StringBuilder(first);
    for (String part : more) {
      if (!part.isEmpty()) {
        text.append(text.isEmpty() ? "" : "/").append(part);
      }
    }
    return SysfsPath.parse(this, text.toString());
  }

  @Override
  public PathMatcher getPathMatcher(String syntaxAndPattern) {
    int colon = syntaxAndPattern.indexOf(':');
    if (colon <= 0) {
      throw new IllegalArgumentException("'" + syntaxAndPattern + "' names no syntax");
    }
    String syntax = syntaxAndPattern.substring(0, colon);
    String pattern = syntaxAndPattern.substring(colon + 1);
    Pattern compiled;
    if (syntax.equalsIgnoreCase("glob")) {
      compiled = Glob.compile(pattern);
    } else if (syntax.equalsIgnoreCase("regex")) {
      compiled = Pattern.compile(pattern);
    } else {
      throw new UnsupportedOperationException("syntax '" + syntax + "' is not known");
    }
    return path -> compiled.matcher(path.toString()).matches();
  }

  @Override
  public UserPrincipalLookupService getUserPrincipalLookupService() {
    return new Principals();
  }

  @Override
  public WatchService newWatchService() {
    throw new UnsupportedOperationException("sysfs cannot be watched");
  }
}
