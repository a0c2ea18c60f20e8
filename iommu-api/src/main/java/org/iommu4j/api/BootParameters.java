package org.iommu4j.api;

import org.jspecify.annotations.Nullable;

/**
 * What the command line and the platform say when a core starts (CORE-182 to 187). A text that is
 * not a boolean changes nothing.
 *
 * <p>A boolean is recognised by its first character: e, y, t, 1 for true, d, n, f, 0 for false; by
 * two characters for "on" and "of".
 *
 * @param passthrough {@code iommu.passthrough}, or null
 * @param strict {@code iommu.strict}, or null
 * @param forcedac {@code iommu.forcedac}, or null
 * @param memoryEncrypted whether the platform encrypts memory
 * @param buildPassthrough the build's default domain type is pass-through instead of translated
 * @param buildStrict the build's default policy is strict instead of lazy
 * @param buildDma what the build has for the DMA API (CORE-152, 153)
 */
public record BootParameters(
    @Mirrors("iommu.passthrough") @Nullable String passthrough,
    @Mirrors("iommu.strict") @Nullable String strict,
    @Mirrors("iommu.forcedac") @Nullable String forcedac,
    boolean memoryEncrypted,
    boolean buildPassthrough,
    boolean buildStrict,
    DmaBuild buildDma) {
  /** An empty command line on a machine without memory encryption: translated and lazy. */
  public static final BootParameters NONE =
      new BootParameters(null, null, null, false, false, false, DmaBuild.GENERIC);

  /**
   * The same with another {@code iommu.passthrough}.
   *
   * @param text as on the command line
   * @return new parameters
   */
  public BootParameters withPassthrough(@Nullable String text) {
    return new BootParameters(
        text, strict, forcedac, memoryEncrypted, buildPassthrough, buildStrict, buildDma);
  }

  /**
   * The same with another {@code iommu.strict}.
   *
   * @param text as on the command line
   * @return new parameters
   */
  public BootParameters withStrict(@Nullable String text) {
    return new BootParameters(
        passthrough, text, forcedac, memoryEncrypted, buildPassthrough, buildStrict, buildDma);
  }

  /**
   * The same with or without memory encryption.
   *
   * @param encrypted whether the platform encrypts memory
   * @return new parameters
   */
  public BootParameters withMemoryEncrypted(boolean encrypted) {
    return new BootParameters(
        passthrough, strict, forcedac, encrypted, buildPassthrough, buildStrict, buildDma);
  }

  /**
   * The same with another default policy of the build.
   *
   * @param passthroughByDefault pass-through instead of translated
   * @param strictByDefault strict instead of lazy
   * @return new parameters
   */
  public BootParameters withBuild(boolean passthroughByDefault, boolean strictByDefault) {
    return new BootParameters(
        passthrough,
        strict,
        forcedac,
        memoryEncrypted,
        passthroughByDefault,
        strictByDefault,
        buildDma);
  }

  /**
   * The same with another support for the DMA API.
   *
   * @param build what the build has
   * @return new parameters
   */
  public BootParameters withDma(DmaBuild build) {
    return new BootParameters(
        passthrough, strict, forcedac, memoryEncrypted, buildPassthrough, buildStrict, build);
  }
}
