package org.iommu4j.core.policy;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Locale;
import java.util.Optional;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.DmaBuild;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Mirrors;
import org.iommu4j.core.trace.CoreTrace;
import org.jspecify.annotations.Nullable;

/** The global default domain type and the invalidation policy (CORE-182 to 188). Thread-safe. */
public final class DomainPolicy {
  private final Object lock = new Object();
  private final boolean forcedac;
  private final DmaBuild dmaBuild;

  @GuardedBy("lock")
  private DomainType defaultType = DomainType.DMA;

  @GuardedBy("lock")
  private boolean typeFromCommandLine;

  @GuardedBy("lock")
  private boolean strict;

  /**
   * Fixes the policy as the subsystem start does.
   *
   * @param boot command line and platform
   * @param trace told about the outcome
   */
  public DomainPolicy(BootParameters boot, CoreTrace trace) {
    Optional<Boolean> passthrough = parse(boot.passthrough());
    Optional<Boolean> wantStrict = parse(boot.strict());
    dmaBuild = boot.buildDma();
    forcedac = parse(boot.forcedac()).orElse(false);
    synchronized (lock) {
      strict = wantStrict.orElse(boot.buildStrict());
      typeFromCommandLine = passthrough.isPresent();
      boolean identity = passthrough.orElse(boot.buildPassthrough());
      if (identity && !typeFromCommandLine && boot.memoryEncrypted()) {
        identity = false;
        trace.message(
            CoreMessage.MEMORY_ENCRYPTION,
            null,
            "memory encryption detected: pass-through is not the default");
      }
      defaultType = identity ? DomainType.IDENTITY : strict ? DomainType.DMA : DomainType.DMA_FQ;
      announce(trace, wantStrict.isPresent());
    }
  }

  @GuardedBy("lock")
  private void announce(CoreTrace trace, boolean strictFromCommandLine) {
    trace.message(
        CoreMessage.DEFAULT_DOMAIN_TYPE,
        null,
        "Default domain type: " + defaultType.logName() + suffix(typeFromCommandLine));
    if (defaultType != DomainType.IDENTITY) {
      trace.message(
          CoreMessage.INVALIDATION_POLICY,
          null,
          "DMA domain TLB invalidation policy: "
              + (strict ? "strict" : "lazy")
              + " mode"
              + suffix(strictFromCommandLine));
    }
  }

  private static String suffix(boolean fromCommandLine) {
    return fromCommandLine ? " (set via kernel command line)" : "";
  }

  /**
   * Reads a boot-parameter boolean (CORE-187).
   *
   * @param text as on the command line, or null
   * @return empty for anything that is not a boolean
   */
  public static Optional<Boolean> parse(@Nullable String text) {
    if (text == null || text.isEmpty()) {
      return Optional.empty();
    }
    String lower = text.toLowerCase(Locale.ROOT);
    return switch (lower.charAt(0)) {
      case 'e', 'y', 't', '1' -> Optional.of(true);
      case 'd', 'n', 'f', '0' -> Optional.of(false);
      case 'o' -> parseOnOff(lower);
      default -> Optional.empty();
    };
  }

  private static Optional<Boolean> parseOnOff(String lower) {
    if (lower.startsWith("on")) {
      return Optional.of(true);
    }
    return lower.startsWith("of") ? Optional.of(false) : Optional.empty();
  }

  /** The type used when nobody wishes otherwise. */
  public DomainType defaultType() {
    synchronized (lock) {
      return defaultType;
    }
  }

  /** Whether pass-through is the default (CORE-185). */
  public boolean passthrough() {
    return defaultType() == DomainType.IDENTITY;
  }

  /** Whether PCI devices allocate from the full address range at once (CORE-186). */
  @Mirrors("iommu_dma_forcedac")
  public boolean forcedac() {
    return forcedac;
  }

  /** What the build has for the DMA API (CORE-152, 153). */
  public DmaBuild dmaBuild() {
    return dmaBuild;
  }

  /** Forces strict invalidation from now on; existing groups stay as they are (CORE-183). */
  public void setStrict() {
    synchronized (lock) {
      strict = true;
      if (defaultType == DomainType.DMA_FQ) {
        defaultType = DomainType.DMA;
      }
    }
  }

  /** Makes pass-through the default (CORE-185). */
  public void setPassthrough(boolean fromCommandLine) {
    setType(DomainType.IDENTITY, fromCommandLine);
  }

  /** Makes translation the default (CORE-185). */
  public void setTranslated(boolean fromCommandLine) {
    setType(DomainType.DMA, fromCommandLine);
  }

  private void setType(DomainType type, boolean fromCommandLine) {
    synchronized (lock) {
      typeFromCommandLine |= fromCommandLine;
      defaultType = type;
    }
  }
}
