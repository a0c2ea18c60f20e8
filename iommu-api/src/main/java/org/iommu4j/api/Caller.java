package org.iommu4j.api;

/**
 * Who uses a sysfs file: the user and the capabilities that count there (CORE-200).
 *
 * @param uid the user; 0 owns all files
 * @param sysAdmin the system-administration capability
 * @param rawIo the raw-I/O capability
 * @param dacOverride the capability to pass over permission bits
 */
public record Caller(int uid, boolean sysAdmin, boolean rawIo, boolean dacOverride) {
  /** User 0 with all capabilities. */
  public static final Caller ROOT = new Caller(0, true, true, true);

  /** An ordinary user without capabilities. */
  public static final Caller UNPRIVILEGED = new Caller(1000, false, false, false);

  /**
   * User 0, able to open what its owner may open, with these capabilities only.
   *
   * @param sysAdmin the system-administration capability
   * @param rawIo the raw-I/O capability
   */
  public Caller(boolean sysAdmin, boolean rawIo) {
    this(0, sysAdmin, rawIo, false);
  }
}
