package org.iommu4j.core.sysfs;

import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/**
 * A file of one value: a reader, a writer, or both (CORE-807). Immutable; as thread-safe as what it
 * is made of.
 */
public final class SysfsAttribute implements SysfsNode {
  /** What a write does. */
  @FunctionalInterface
  public interface Store {
    /**
     * Takes what was written.
     *
     * @param text up to the first NUL, never more than 4,096 bytes; a trailing newline is left in
     * @param caller whose rights count
     * @throws IommuException to refuse; otherwise the whole write counts as consumed
     */
    void store(String text, Caller caller);
  }

  private final int mode;
  private final @Nullable Supplier<String> show;
  private final @Nullable Store store;
  private final BooleanSupplier alive;

  private SysfsAttribute(
      int mode, @Nullable Supplier<String> show, @Nullable Store store, BooleanSupplier alive) {
    this.mode = mode;
    this.show = show;
    this.store = store;
    this.alive = alive;
  }

  /**
   * A file to read, mode 0444.
   *
   * @param show makes the text, newline included; runs once per read from the start
   * @return an attribute without writer
   */
  public static SysfsAttribute readOnly(Supplier<String> show) {
    return new SysfsAttribute(0444, show, null, () -> true);
  }

  /**
   * A file to read and write, mode 0644.
   *
   * @param show makes the text
   * @param store takes the text
   * @return an attribute
   */
  public static SysfsAttribute readWrite(Supplier<String> show, Store store) {
    return new SysfsAttribute(0644, show, store, () -> true);
  }

  /**
   * A file to write, mode 0200.
   *
   * @param store takes the text
   * @return an attribute without reader
   */
  public static SysfsAttribute writeOnly(Store store) {
    return new SysfsAttribute(0200, null, store, () -> true);
  }

  /**
   * The same attribute with other permission bits.
   *
   * @param bits 0 to 0777
   * @return a new attribute
   */
  public SysfsAttribute withMode(int bits) {
    return new SysfsAttribute(bits & 0777, show, store, alive);
  }

  /**
   * The same attribute of something that can go away: handles then answer ENODEV, also if the same
   * path leads to something else by then.
   *
   * @param condition whether that something is still the one the attribute was made for
   * @return a new attribute
   */
  public SysfsAttribute aliveWhile(BooleanSupplier condition) {
    return new SysfsAttribute(mode, show, store, condition);
  }

  @Override
  public int mode() {
    return mode;
  }

  boolean isAlive() {
    return alive.getAsBoolean();
  }

  String show(String path) {
    if (show == null) {
      throw new IommuException(Errno.EIO, path + " has no reader");
    }
    return show.get();
  }

  void store(String path, String text, Caller caller) {
    if (store == null) {
      throw new IommuException(Errno.EIO, path + " has no writer");
    }
    store.store(text, caller);
  }
}
