package org.iommu4j.core.lock;

import java.lang.StackWalker.StackFrame;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/**
 * Which locks of one core each thread holds, and the rule that turns a deadlock into a refusal.
 *
 * <p>Order, outermost first: device lock, probe lock, group lock, driver locks, PASID-table lock
 * (CORE-004). A lock is refused with EDEADLK, before blocking, when the thread holds that very
 * lock, a later one, or another group's lock. The check is thread-local, so it costs no contention
 * and is always on.
 */
public final class LockOrder {
  private static final String CORE_PACKAGE = "org.iommu4j.core";
  private static final String LOCK_PACKAGE = "org.iommu4j.core.lock";

  private final ThreadLocal<Held> held = ThreadLocal.withInitial(Held::new);

  /** What one thread holds. Only its own thread touches it. */
  static final class Held {
    boolean probe;
    int devices;
    int dma;
    @Nullable GroupLock group;
    @Nullable String callback;
  }

  Held held() {
    return held.get();
  }

  /**
   * Marks that a callback begins on this thread.
   *
   * @param name the callback, for refusals
   * @return the callback that is interrupted by it, for {@link #leaveCallback}
   */
  public @Nullable String enterCallback(String name) {
    Held mine = held.get();
    String outer = mine.callback;
    mine.callback = name;
    return outer;
  }

  /**
   * Marks that a callback has ended.
   *
   * @param outer what {@link #enterCallback} returned
   */
  public void leaveCallback(@Nullable String outer) {
    held.get().callback = outer;
  }

  /**
   * Marks that this thread works in a domain of the DMA layer. The end of such a domain waits for
   * that, with a group lock held, so that until {@link #leaveDma} no lock of the core may be asked
   * for.
   */
  public void enterDma() {
    held.get().dma++;
  }

  /** Marks that the work has ended. */
  public void leaveDma() {
    held.get().dma--;
  }

  /** Refuses a lock that a thread would ask for which the end of a domain waits for. */
  void refuseInsideDma(Held mine, String wanted) {
    if (mine.dma > 0) {
      throw deadlock(wanted, "works in a domain whose end waits for it with a group lock held");
    }
  }

  /**
   * Whether this thread holds the probe lock.
   *
   * @return true if it does
   */
  public boolean holdsProbe() {
    return held.get().probe;
  }

  /**
   * Whether this thread holds any group lock of this core.
   *
   * @return true if it does
   */
  public boolean holdsGroup() {
    return held.get().group != null;
  }

  /**
   * Whether this thread holds any device lock of this core.
   *
   * @return true if it does
   */
  public boolean holdsDevice() {
    return held.get().devices > 0;
  }

  IommuException deadlock(String wanted, String because) {
    String silent = silentCallback();
    String callback = silent == null ? held.get().callback : silent;
    return new IommuException(
        Errno.EDEADLK,
        operation()
            + " needs the "
            + wanted
            + ", but this thread "
            + because
            + (callback == null ? "" : " (inside the callback " + callback + ")"));
  }

  /**
   * The callback this call came from, if it is one that does not announce itself: those on the path
   * of every map and unmap, and tracers. It is the outermost of the foreign frames between the call
   * and the core that called out.
   */
  private static @Nullable String silentCallback() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames
                    .dropWhile(LockOrder::isCore)
                    .takeWhile(frame -> !isCore(frame))
                    .reduce((inner, outer) -> outer))
        .map(frame -> silentName(frame.getMethodName()))
        .orElse(null);
  }

  private static @Nullable String silentName(String method) {
    return switch (method) {
      case "mapPages" -> "map_pages";
      case "unmapPages" -> "unmap_pages";
      case "mapRange" -> "map_range";
      case "unmapRange" -> "unmap_range";
      case "iotlbSyncMap" -> "iotlb_sync_map";
      case "iotlbSync" -> "iotlb_sync";
      case "iovaToPhys" -> "iova_to_phys";
      case "deviceAdded",
          "deviceRemoved",
          "attached",
          "mapped",
          "unmapped",
          "fault",
          "violation",
          "message" ->
          "tracer." + method;
      default -> null;
    };
  }

  private static boolean isCore(StackFrame frame) {
    return frame.getClassName().startsWith(CORE_PACKAGE);
  }

  /** The core's method that was called from outside: the outermost of the innermost core frames. */
  private static String operation() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames
                    .dropWhile(frame -> frame.getClassName().startsWith(LOCK_PACKAGE))
                    .takeWhile(LockOrder::isCore)
                    .reduce((inner, outer) -> outer)
                    .map(StackFrame::getMethodName)
                    .orElse("the operation"));
  }
}
