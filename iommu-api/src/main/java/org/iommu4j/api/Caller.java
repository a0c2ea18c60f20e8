package org.iommu4j.api;

/**
 * The rights of whoever writes to a sysfs file (CORE-200).
 *
 * @param sysAdmin the system-administration capability
 * @param rawIo the raw-I/O capability
 */
public record Caller(boolean sysAdmin, boolean rawIo) {
  /** A caller with both capabilities. */
  public static final Caller ROOT = new Caller(true, true);

  /** A caller with neither. */
  public static final Caller UNPRIVILEGED = new Caller(false, false);
}
