package org.iommu4j.driver.soft;

/**
 * The words of a device table and of a PASID table (HARDWARE.md, section 4).
 *
 * <pre>
 *  63            48 47                       12 11         3 2    0
 *  domain id        page address [47:12]        reserved     mode
 * </pre>
 */
final class DeviceEntry {
  static final long ABSENT = 0;
  static final long BLOCKED = 1;
  static final long IDENTITY = 2;
  private static final long TRANSLATE = 3;
  private static final long PASIDS = 4;

  private static final int DOMAIN_SHIFT = 48;

  private DeviceEntry() {}

  static long translate(int domainId, long pageTable) {
    return (long) domainId << DOMAIN_SHIFT | pageTable | TRANSLATE;
  }

  static long pasids(long pasidTable) {
    return pasidTable | PASIDS;
  }
}
