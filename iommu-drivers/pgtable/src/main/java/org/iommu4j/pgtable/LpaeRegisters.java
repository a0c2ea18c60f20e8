package org.iommu4j.pgtable;

import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Mirrors;

/**
 * The fields a driver writes into its hardware's translation control register for a table (PTL-008,
 * PTL-010).
 *
 * @param size the code of the output width: 0 to 6 for 32, 36, 40, 42, 44, 48, 52 bits
 * @param granule the code of the granule: 0 for 4 KiB, 1 for 64 KiB, 2 for 16 KiB; for the upper
 *     half 2, 3, 1
 * @param shareability of walks: 2 outer, 3 inner
 * @param outerCache of walks: 0 not cacheable, 1 write-back
 * @param innerCache of walks: 0 not cacheable, 1 write-back
 * @param startLevel the code of the start level, stage 2 only
 * @param inputSize 64 less the input width
 * @param attributes the memory attributes that stage 1 entries choose from by index
 */
@Mirrors({"io_pgtable_cfg.arm_lpae_s1_cfg", "io_pgtable_cfg.arm_lpae_s2_cfg"})
public record LpaeRegisters(
    int size,
    int granule,
    int shareability,
    int outerCache,
    int innerCache,
    int startLevel,
    int inputSize,
    int attributes) {
  /**
   * The memory attributes of the four indices.
   *
   * <pre>
   *  31 ... 24               23 ... 16  15 ... 8    7 ... 0
   *  0xf4 inner nc, outer c  0x04 dev   0xff cache  0x44 not cacheable
   * </pre>
   */
  static final int ATTRIBUTES = 0xf404ff44;

  private static final int ADDRESS_BITS = 64;
  private static final int K4 = 12;
  private static final int K16 = 14;

  static LpaeRegisters of(LpaeConfig config, LpaeGeometry geometry) {
    boolean upper = config.has(LpaeQuirk.UPPER_HALF);
    boolean coherent = config.coherentWalk();
    boolean outer = coherent || config.has(LpaeQuirk.OUTER_WRITE_BACK);
    return new LpaeRegisters(
        size(geometry.outputBits()),
        upper ? upperGranule(geometry.granuleLg2()) : lowerGranule(geometry.granuleLg2()),
        coherent ? 3 : 2,
        outer ? 1 : 0,
        coherent ? 1 : 0,
        config.stage() == LpaeStage.STAGE_2 ? startLevel(geometry) : 0,
        ADDRESS_BITS - geometry.inputBits(),
        ATTRIBUTES);
  }

  private static int size(int outputBits) {
    return switch (outputBits) {
      case 32 -> 0;
      case 36 -> 1;
      case 40 -> 2;
      case 42 -> 3;
      case 44 -> 4;
      case 48 -> 5;
      case 52 -> 6;
      default ->
          throw new IommuException(
              Errno.EINVAL, "ARM hardware has no output addresses of " + outputBits + " bits");
    };
  }

  private static int lowerGranule(int lg2) {
    return lg2 == K4 ? 0 : lg2 == K16 ? 2 : 1;
  }

  private static int upperGranule(int lg2) {
    return lg2 == K4 ? 2 : lg2 == K16 ? 1 : 3;
  }

  private static int startLevel(LpaeGeometry geometry) {
    int level = geometry.startLevel() + (geometry.granuleLg2() == K4 ? 1 : 0);
    return ~level & 3;
  }
}
