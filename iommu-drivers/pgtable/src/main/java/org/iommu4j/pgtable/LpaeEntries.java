package org.iommu4j.pgtable;

import org.iommu4j.api.Prot;

/**
 * The bits of one entry of an ARM table (Arm Architecture Reference Manual, "VMSAv8-64 translation
 * table format descriptors"; PTL-003 to PTL-007). Immutable.
 *
 * <pre>
 *           63   55  54 53  51   47 ... 12  11  10  9 8  7    6     5   4 ... 2  1 0
 *  stage 1  NST  sw  XN     DBM  address    nG  AF  SH   RO   user  NS  index    type
 *  stage 2       sw  XN          address        AF  SH   W    R     5 ... 2      type
 *                                                                   attributes
 * </pre>
 *
 * <p>The type is 3 for a page (level 3) and for a table (levels 0 to 2), 1 for a block (levels 0 to
 * 2). With pages of 64 KiB the bits 15 ... 12 hold the address bits 51 ... 48.
 */
final class LpaeEntries {
  static final long EMPTY = 0;

  private static final long TYPE = 3;
  private static final long BLOCK = 1;
  private static final long TABLE_OR_PAGE = 3;

  private static final int INDEX_SHIFT = 2;
  private static final long INDEX_CACHE = 1;
  private static final long INDEX_DEVICE = 2;

  private static final long S2_DEVICE = 1;
  private static final long S2_NOT_CACHEABLE = 5;
  private static final long S2_FORCED_WRITE_BACK = 6;
  private static final long S2_WRITE_BACK = 15;
  private static final long S2_READ = 1L << 6;
  private static final long S2_WRITE = 1L << 7;

  private static final long NON_SECURE = 1L << 5;
  private static final long USER = 1L << 6;
  private static final long READ_ONLY = 1L << 7;
  private static final long OUTER = 2L << 8;
  private static final long INNER = 3L << 8;
  private static final long ACCESSED = 1L << 10;
  private static final long NOT_GLOBAL = 1L << 11;
  private static final long DIRTY_MODIFIER = 1L << 51;
  private static final long EXECUTE_NEVER = 3L << 53;
  private static final long WRITTEN_BACK = 1L << 55;
  private static final long NON_SECURE_TABLE = 1L << 63;

  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;
  private static final int HIGH_SHIFT = 48 - 12;
  private static final long HIGH = 0xf000;
  private static final int K64 = 16;

  private final boolean stage2;
  private final boolean highBits;
  private final boolean nonSecure;
  private final boolean hardwareDirty;
  private final boolean forcedWriteBack;

  LpaeEntries(LpaeConfig config, LpaeGeometry geometry) {
    stage2 = config.stage() == LpaeStage.STAGE_2;
    highBits = geometry.granuleLg2() == K64;
    nonSecure = config.has(LpaeQuirk.NON_SECURE);
    hardwareDirty = config.has(LpaeQuirk.HARDWARE_DIRTY);
    forcedWriteBack = config.has(LpaeQuirk.FORCED_WRITE_BACK);
  }

  long attributes(int prot) {
    return (stage2 ? stage2(prot) : stage1(prot))
        | ((prot & Prot.CACHE) != 0 ? INNER : OUTER)
        | ((prot & Prot.NOEXEC) != 0 ? EXECUTE_NEVER : 0)
        | ACCESSED;
  }

  private long stage1(int prot) {
    boolean readOnly = (prot & Prot.RW) == Prot.READ;
    long index =
        (prot & Prot.MMIO) != 0 ? INDEX_DEVICE : (prot & Prot.CACHE) != 0 ? INDEX_CACHE : 0;
    return NOT_GLOBAL
        | (readOnly ? READ_ONLY : hardwareDirty ? DIRTY_MODIFIER : 0)
        | ((prot & Prot.PRIV) == 0 ? USER : 0)
        | index << INDEX_SHIFT
        | (nonSecure ? NON_SECURE : 0);
  }

  private long stage2(int prot) {
    long cached = forcedWriteBack ? S2_FORCED_WRITE_BACK : S2_WRITE_BACK;
    long memory =
        (prot & Prot.MMIO) != 0 ? S2_DEVICE : (prot & Prot.CACHE) != 0 ? cached : S2_NOT_CACHEABLE;
    return ((prot & Prot.READ) != 0 ? S2_READ : 0)
        | ((prot & Prot.WRITE) != 0 ? S2_WRITE : 0)
        | memory << INDEX_SHIFT;
  }

  long leaf(long address, int level, long attributes) {
    return field(address) | attributes | (level == LpaeGeometry.LAST_LEVEL ? TABLE_OR_PAGE : BLOCK);
  }

  long table(long address) {
    return field(address) | TABLE_OR_PAGE | (nonSecure ? NON_SECURE_TABLE : 0);
  }

  private long field(long address) {
    return (address | (highBits ? address >>> HIGH_SHIFT & HIGH : 0)) & ADDRESS;
  }

  long address(long entry) {
    long address = entry & ADDRESS;
    return highBits ? (address & ~HIGH) | (address & HIGH) << HIGH_SHIFT : address;
  }

  /** Whether the entries of adjacent leaves rise in equal steps up to an address. */
  boolean rises(long last) {
    return !highBits || last >>> 48 == 0;
  }

  static boolean isLeaf(long entry, int level) {
    return (entry & TYPE) == (level == LpaeGeometry.LAST_LEVEL ? TABLE_OR_PAGE : BLOCK);
  }

  static boolean isTable(long entry, int level) {
    return level != LpaeGeometry.LAST_LEVEL && (entry & TYPE) == TABLE_OR_PAGE;
  }

  static boolean isWrittenBack(long entry) {
    return (entry & WRITTEN_BACK) != 0;
  }

  static long writtenBack(long entry) {
    return entry | WRITTEN_BACK;
  }

  /** Hardware cleared the read-only bit of a leaf it may manage. */
  static boolean isDirty(long entry) {
    return (entry & (DIRTY_MODIFIER | READ_ONLY)) == DIRTY_MODIFIER;
  }

  static long clean(long entry) {
    return entry | READ_ONLY;
  }
}
