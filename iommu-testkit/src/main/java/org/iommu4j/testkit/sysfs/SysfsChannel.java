package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Objects;
import java.util.Set;
import org.iommu4j.api.Errno;
import org.iommu4j.core.sysfs.OpenFlag;
import org.iommu4j.core.sysfs.SysfsFile;

/** An open file as a channel; one call of it is one system call. */
final class SysfsChannel extends FileChannel {
  private final SysfsFile file;
  private final String name;
  private final boolean readable;
  private final boolean writable;

  /** Where a transfer has met the end of the text. */
  private volatile long end = SysfsFile.PAGE;

  SysfsChannel(SysfsFile file, String name, Set<OpenFlag> flags) {
    this.file = file;
    this.name = name;
    this.readable = flags.contains(OpenFlag.READ);
    this.writable = flags.contains(OpenFlag.WRITE);
  }

  @Override
  public int read(ByteBuffer to) throws IOException {
    requireReadable();
    return endOrCount(to, Refusals.call(name, () -> file.read(to)));
  }

  @Override
  public int read(ByteBuffer to, long position) throws IOException {
    requireReadable();
    requireNotNegative(position);
    return endOrCount(to, Refusals.call(name, () -> file.pread(to, position)));
  }

  /** What channels answer at the end of a file, where system calls answer 0. */
  private static int endOrCount(ByteBuffer to, int count) {
    return count == 0 && to.hasRemaining() ? -1 : count;
  }

  @Override
  public long read(ByteBuffer[] to, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, to.length);
    long total = 0;
    for (int i = offset; i < offset + length; i++) {
      while (to[i].hasRemaining()) {
        int count = read(to[i]);
        if (count < 0) {
          return total == 0 ? -1 : total;
        }
        total += count;
      }
    }
    return total;
  }

  @Override
  public int write(ByteBuffer from) throws IOException {
    requireWritable();
    return Refusals.call(name, () -> file.write(from));
  }

  @Override
  public int write(ByteBuffer from, long position) throws IOException {
    requireWritable();
    requireNotNegative(position);
    return Refusals.call(name, () -> file.pwrite(from, position));
  }

  /** One gathering write is one write to the attribute. */
  @Override
  public long write(ByteBuffer[] from, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, from.length);
    ByteBuffer all = ByteBuffer.allocate(SysfsFile.PAGE);
    for (int i = offset; i < offset + length; i++) {
      ByteBuffer part = from[i].duplicate();
      part.limit(part.position() + Math.min(part.remaining(), all.remaining()));
      all.put(part);
    }
    int written = write(all.flip());
    int left = written;
    for (int i = offset; i < offset + length; i++) {
      int part = Math.min(left, from[i].remaining());
      from[i].position(from[i].position() + part);
      left -= part;
    }
    return written;
  }

  @Override
  public long position() throws IOException {
    requireOpen();
    return Refusals.call(name, file::position);
  }

  @Override
  public FileChannel position(long to) throws IOException {
    requireOpen();
    requireNotNegative(to);
    Refusals.call(
        name,
        () -> {
          file.seek(to);
          return to;
        });
    return this;
  }

  /**
   * A page, as stat says, however short the text is; but no more than a transfer has found. Newer
   * JDKs copy by transfers until they have come to the size, and would never end.
   */
  @Override
  public long size() throws IOException {
    requireOpen();
    return end;
  }

  /** Cutting a file of sysfs succeeds and changes nothing. */
  @Override
  public FileChannel truncate(long size) throws IOException {
    requireWritable();
    requireNotNegative(size);
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    requireOpen();
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) throws IOException {
    requireReadable();
    requireNotNegative(position);
    ByteBuffer text = ByteBuffer.allocate((int) Math.min(count, SysfsFile.PAGE));
    if (read(text, position) < 0) {
      end = Math.min(position, SysfsFile.PAGE);
      return 0;
    }
    return target.write(text.flip());
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count)
      throws IOException {
    requireWritable();
    requireNotNegative(position);
    ByteBuffer text = ByteBuffer.allocate((int) Math.min(count, SysfsFile.PAGE));
    return source.read(text) < 0 ? 0 : write(text.flip(), position);
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) throws IOException {
    requireOpen();
    throw Refusals.of(name, Errno.ENODEV);
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) throws IOException {
    requireOpen();
    throw Refusals.of(name, Errno.ENOLCK);
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) throws IOException {
    return lock(position, size, shared);
  }

  @Override
  protected void implCloseChannel() {
    file.close();
  }

  private void requireOpen() throws IOException {
    if (!isOpen()) {
      throw new ClosedChannelException();
    }
  }

  private void requireReadable() throws IOException {
    requireOpen();
    if (!readable) {
      throw new NonReadableChannelException();
    }
  }

  private void requireWritable() throws IOException {
    requireOpen();
    if (!writable) {
      throw new NonWritableChannelException();
    }
  }

  private static void requireNotNegative(long position) {
    if (position < 0) {
      throw new IllegalArgumentException("position " + position + " is negative");
    }
  }
}
