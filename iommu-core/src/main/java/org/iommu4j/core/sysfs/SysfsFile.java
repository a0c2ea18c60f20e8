package org.iommu4j.core.sysfs;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/**
 * A handle from open(2), with the rights of one caller. Refusals are {@link IommuException}s that
 * carry the errno. Thread-safe; a closed handle answers EBADF.
 *
 * <p>Order of checks of a write: EBADF, ENODEV if what the file belongs to is gone, nothing at all
 * for zero bytes, EIO without writer, then the attribute's own checks. At most 4,096 bytes are
 * consumed, everything from the first NUL on is ignored but counted, and the offset is ignored.
 */
public final class SysfsFile implements AutoCloseable {
  /** The most that one write consumes, and one more than the longest text: bytes. */
  public static final int PAGE = 4096;

  private final @Nullable OpenFile open;
  private final String path;
  private final Set<OpenFlag> flags;
  private final Caller caller;
  private volatile boolean closed;

  /** Null for a directory. */
  SysfsFile(@Nullable OpenFile open, String path, Set<OpenFlag> flags, Caller caller) {
    this.open = open;
    this.path = path;
    this.flags = Set.copyOf(flags);
    this.caller = caller;
  }

  /**
   * Where the file was when it was opened.
   *
   * @return absolute, without symbolic links
   */
  public String path() {
    return path;
  }

  /**
   * The same open file in the hands of another caller, as if passed over a socket: the rights at
   * each write are those of the new caller, the position is shared.
   *
   * @param other whose rights count
   * @return a new handle, to be closed on its own
   */
  public SysfsFile handedTo(Caller other) {
    return new SysfsFile(open, path, flags, other);
  }

  /**
   * read(2).
   *
   * @param to receives at most its remaining bytes
   * @return bytes read, 0 at the end
   * @throws IommuException EBADF if not opened for reading, EISDIR, ENODEV, or the attribute's own
   */
  public int read(ByteBuffer to) {
    return readable().read(to);
  }

  /**
   * pread(2).
   *
   * @param to receives at most its remaining bytes
   * @param offset bytes from the start of the text
   * @return bytes read, 0 at the end
   * @throws IommuException EINVAL for a negative offset, otherwise as {@link #read}
   */
  public int pread(ByteBuffer to, long offset) {
    requireOffset(offset);
    return readable().read(to, offset);
  }

  /**
   * pread(2) as text.
   *
   * @param count at most so many bytes
   * @param offset bytes from the start of the text
   * @return what was read
   * @throws IommuException as {@link #pread(ByteBuffer, long)}
   */
  public String pread(int count, long offset) {
    ByteBuffer to = ByteBuffer.allocate(count);
    pread(to, offset);
    return StandardCharsets.UTF_8.decode(to.flip()).toString();
  }

  /**
   * write(2).
   *
   * @param from what is written; its position moves by what was consumed
   * @return bytes consumed
   * @throws IommuException EBADF if not opened for writing, ENODEV, EIO, or the attribute's own
   */
  public int write(ByteBuffer from) {
    return writable().write(from, caller);
  }

  /**
   * write(2) of a text in UTF-8.
   *
   * @param text what is written
   * @return bytes consumed
   * @throws IommuException as {@link #write(ByteBuffer)}
   */
  public int write(String text) {
    return write(bytes(text));
  }

  /**
   * pwrite(2).
   *
   * @param from what is written; its position moves by what was consumed
   * @param offset ignored unless negative
   * @return bytes consumed
   * @throws IommuException EINVAL for a negative offset, otherwise as {@link #write(ByteBuffer)}
   */
  public int pwrite(ByteBuffer from, long offset) {
    requireOffset(offset);
    return writable().store(from, caller);
  }

  /**
   * pwrite(2) of a text in UTF-8.
   *
   * @param text what is written
   * @param offset ignored unless negative
   * @return bytes consumed
   * @throws IommuException as {@link #pwrite(ByteBuffer, long)}
   */
  public int pwrite(String text, long offset) {
    return pwrite(bytes(text), offset);
  }

  /**
   * Where the next {@link #read} begins.
   *
   * @return bytes; reads and writes move it
   * @throws IommuException EBADF if closed
   */
  public long position() {
    OpenFile file = opened();
    return file == null ? 0 : file.position();
  }

  /**
   * lseek(2) from the start.
   *
   * @param to bytes
   * @throws IommuException EINVAL if negative, EBADF if closed
   */
  public void seek(long to) {
    OpenFile file = opened();
    requireOffset(to);
    if (file != null) {
      file.seek(to);
    }
  }

  /** Closes the handle; a second close does nothing. */
  @Override
  public void close() {
    closed = true;
  }

  private @Nullable OpenFile opened() {
    if (closed) {
      throw new IommuException(Errno.EBADF, path + " is closed");
    }
    return open;
  }

  private OpenFile readable() {
    OpenFile file = opened();
    if (!flags.contains(OpenFlag.READ)) {
      throw new IommuException(Errno.EBADF, path + " is not open for reading");
    }
    if (file == null) {
      throw new IommuException(Errno.EISDIR, path);
    }
    return file;
  }

  private OpenFile writable() {
    OpenFile file = opened();
    if (file == null || !flags.contains(OpenFlag.WRITE)) {
      throw new IommuException(Errno.EBADF, path + " is not open for writing");
    }
    return file;
  }

  private void requireOffset(long offset) {
    if (offset < 0) {
      throw new IommuException(Errno.EINVAL, path + ": offset " + offset + " is negative");
    }
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String toString() {
    return path + " " + flags;
  }
}
