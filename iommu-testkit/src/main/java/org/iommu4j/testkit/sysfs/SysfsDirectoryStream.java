package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** The entries that a directory had when it was opened. */
final class SysfsDirectoryStream implements DirectoryStream<Path> {
  private final Path directory;
  private final Iterator<String> names;
  private final Filter<? super Path> filter;
  private volatile boolean closed;
  private boolean taken;

  SysfsDirectoryStream(Path directory, List<String> names, Filter<? super Path> filter) {
    this.directory = directory;
    this.names = names.iterator();
    this.filter = filter;
  }

  @Override
  public synchronized Iterator<Path> iterator() {
    if (closed || taken) {
      throw new IllegalStateException(closed ? "the stream is closed" : "iterator was taken");
    }
    taken = true;
    return new Entries();
  }

  @Override
  public void close() {
    closed = true;
  }

  private final class Entries implements Iterator<Path> {
    private @Nullable Path ahead;

    @Override
    public boolean hasNext() {
      while (ahead == null && !closed && names.hasNext()) {
        Path candidate = directory.resolve(names.next());
        try {
          if (filter.accept(candidate)) {
            ahead = candidate;
          }
        } catch (IOException refused) {
          throw new DirectoryIteratorException(refused);
        }
      }
      return ahead != null;
    }

    @Override
    public Path next() {
      if (!hasNext() || ahead == null) {
        throw new NoSuchElementException("no more entries in " + directory);
      }
      Path found = ahead;
      ahead = null;
      return found;
    }
  }
}
