package org.iommu4j.core.sysfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/**
 * An opened attribute: what all handles that came from one open share.
 *
 * <p>A read from the start, or from anywhere but where the last one ended, asks the attribute for
 * its text anew; reads that go on are served from the text of the first. So a text read in pieces
 * is one text, and a piece that is left can still be read when the attribute has gone.
 */
final class OpenFile {
  private final String path;
  private final SysfsAttribute attribute;

  @GuardedBy("this")
  private long position;

  @GuardedBy("this")
  private byte[] text = new byte[0];

  @GuardedBy("this")
  private boolean shown;

  /** How much of the text has been read. */
  @GuardedBy("this")
  private int served;

  /** Where the last read ended, as the reader counts. */
  @GuardedBy("this")
  private long servedTo;

  OpenFile(String path, SysfsAttribute attribute) {
    this.path = path;
    this.attribute = attribute;
  }

  String path() {
    return path;
  }

  synchronized long position() {
    return position;
  }

  synchronized void seek(long to) {
    position = to;
  }

  synchronized int read(ByteBuffer to) {
    int count = read(to, position);
    position += count;
    return count;
  }

  synchronized int read(ByteBuffer to, long offset) {
    if (!to.hasRemaining()) {
      return 0;
    }
    if (offset == 0) {
      forget();
    }
    if (offset != servedTo) {
      startAt(offset);
    }
    int count = serve(to);
    if (to.hasRemaining() && !(count > 0 && !attribute.isAlive())) {
      requireAlive();
      if (!shown) {
        show();
        count += serve(to);
      }
    }
    return count;
  }

  @GuardedBy("this")
  private void forget() {
    text = new byte[0];
    shown = false;
    served = 0;
    servedTo = 0;
  }

  @GuardedBy("this")
  private void startAt(long offset) {
    forget();
    requireAlive();
    show();
    served = (int) Math.min(offset, text.length);
    servedTo = offset;
  }

  @GuardedBy("this")
  private int serve(ByteBuffer to) {
    int count = Math.min(to.remaining(), text.length - served);
    to.put(text, served, count);
    served += count;
    servedTo += count;
    return count;
  }

  /** One page holds the text and the NUL that ends it (CORE-804). */
  @GuardedBy("this")
  private void show() {
    byte[] all = attribute.show(path).getBytes(StandardCharsets.UTF_8);
    text = all.length < SysfsFile.PAGE ? all : Arrays.copyOf(all, SysfsFile.PAGE - 1);
    served = 0;
    shown = true;
  }

  synchronized int write(ByteBuffer from, Caller caller) {
    int count = store(from, caller);
    position += count;
    return count;
  }

  /** Where a write begins does not matter. */
  synchronized int store(ByteBuffer from, Caller caller) {
    requireAlive();
    if (!from.hasRemaining()) {
      return 0;
    }
    byte[] page = new byte[Math.min(from.remaining(), SysfsFile.PAGE)];
    from.duplicate().get(page);
    attribute.store(path, upToNul(page), caller);
    from.position(from.position() + page.length);
    return page.length;
  }

  private static String upToNul(byte[] page) {
    int end = 0;
    while (end < page.length && page[end] != 0) {
      end++;
    }
    return new String(page, 0, end, StandardCharsets.UTF_8);
  }

  private void requireAlive() {
    if (!attribute.isAlive()) {
      throw new IommuException(Errno.ENODEV, path + " is gone");
    }
  }
}
