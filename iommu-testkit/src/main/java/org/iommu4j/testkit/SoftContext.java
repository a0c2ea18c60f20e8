package org.iommu4j.testkit;

import org.jspecify.annotations.Nullable;

/**
 * What the SoftIOMMU does with the DMA of one stream and PASID, decoded from its device and PASID
 * entry (HARDWARE.md, section 4).
 *
 * <pre>
 *  63            48 47                       12 11         3 2    0
 *  domain id        page address [47:12]        reserved     mode
 * </pre>
 *
 * @param refusal why everything is refused, or null
 * @param translated whether addresses go through a page table; otherwise they are physical
 * @param domain the tag under which translations are cached
 * @param table the page table of level 3
 */
record SoftContext(@Nullable FaultReason refusal, boolean translated, int domain, long table) {
  private static final int ABSENT = 0;
  private static final int BLOCKED = 1;
  private static final int IDENTITY = 2;
  private static final int TRANSLATE = 3;
  private static final int PASIDS = 4;

  private static final long MODE = 0x7;
  private static final long PAGE = 0x0000_ffff_ffff_f000L;

  private static final SoftContext PASS = new SoftContext(null, false, 0, 0);

  /** Whether the word of a PASID table decides, and not the device entry alone. */
  static boolean needsPasidEntry(long deviceEntry, int pasid, int pasids) {
    return (deviceEntry & MODE) == PASIDS && pasid >= 0 && pasid < pasids;
  }

  /** Where that word is. */
  static long pasidEntryAddress(long deviceEntry, int pasid) {
    return (deviceEntry & PAGE) + 8L * pasid;
  }

  /**
   * Decodes.
   *
   * @param pasidEntry looked at only if {@link #needsPasidEntry}
   * @param pasids how many PASIDs the hardware has
   */
  static SoftContext decode(long deviceEntry, long pasidEntry, int pasid, int pasids) {
    if (needsPasidEntry(deviceEntry, pasid, pasids)) {
      return (pasidEntry & MODE) == ABSENT ? refuse(FaultReason.BLOCKED) : plain(pasidEntry);
    }
    return switch ((int) (deviceEntry & MODE)) {
      case ABSENT -> refuse(FaultReason.UNKNOWN_DEVICE);
      case PASIDS -> refuse(pasids == 0 ? FaultReason.MALFORMED_DEVICE : FaultReason.NO_PASID);
      case BLOCKED -> refuse(FaultReason.BLOCKED);
      default -> pasid == 0 ? plain(deviceEntry) : refuse(FaultReason.NO_PASID);
    };
  }

  private static SoftContext plain(long entry) {
    return switch ((int) (entry & MODE)) {
      case BLOCKED -> refuse(FaultReason.BLOCKED);
      case IDENTITY -> PASS;
      case TRANSLATE -> new SoftContext(null, true, (int) (entry >>> 48), entry & PAGE);
      default -> refuse(FaultReason.MALFORMED_DEVICE);
    };
  }

  private static SoftContext refuse(FaultReason reason) {
    return new SoftContext(reason, false, 0, 0);
  }
}
