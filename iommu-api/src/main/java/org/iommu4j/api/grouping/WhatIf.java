package org.iommu4j.api.grouping;

import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.iommu4j.api.PciDevice;

/**
 * Changes to a machine for which its groups are to be foreseen; the machine itself stays as it is.
 *
 * <p>Immutable: each method returns a changed copy.
 */
public final class WhatIf {
  /** The machine as it is. */
  public static final WhatIf NOTHING = new WhatIf(Map.of(), false, false, false);

  private final Map<PciDevice, Integer> controls;
  private final boolean downstream;
  private final boolean multifunction;
  private final boolean enabled;

  private WhatIf(
      Map<PciDevice, Integer> controls,
      boolean downstream,
      boolean multifunction,
      boolean enabled) {
    this.controls = controls;
    this.downstream = downstream;
    this.multifunction = multifunction;
    this.enabled = enabled;
  }

  /**
   * Gives a function these ACS bits and no others. A function without ACS capability gets one; what
   * was known about its isolation no longer counts, but device tables still do.
   *
   * @param device the function
   * @param bits the {@code ACS_} bits that are on
   * @return a changed copy
   */
  public WhatIf acs(PciDevice device, int bits) {
    Map<PciDevice, Integer> changed = new HashMap<>(controls);
    changed.put(device, bits);
    return new WhatIf(Map.copyOf(changed), downstream, multifunction, enabled);
  }

  /**
   * Takes every PCIe root and downstream port without ACS capability for isolated.
   *
   * @return a changed copy
   */
  public WhatIf overrideDownstream() {
    return new WhatIf(controls, true, multifunction, enabled);
  }

  /**
   * Takes every function of a PCIe multifunction device without ACS capability for isolated.
   *
   * @return a changed copy
   */
  public WhatIf overrideMultifunction() {
    return new WhatIf(controls, downstream, true, enabled);
  }

  /**
   * Switches on what the kernel switches on as soon as an IOMMU driver asks for it: source
   * validation, request and completion redirect and upstream forwarding wherever they are
   * implemented (PCIQ-060 to 063). For machines whose registers were read without IOMMU.
   *
   * @return a changed copy
   */
  public WhatIf acsEnabled() {
    return new WhatIf(controls, downstream, multifunction, true);
  }

  /**
   * The ACS bits that a function was given by {@link #acs}.
   *
   * @param device any function
   * @return empty if it was given none
   */
  public OptionalInt acs(PciDevice device) {
    Integer bits = controls.get(device);
    return bits == null ? OptionalInt.empty() : OptionalInt.of(bits);
  }

  /**
   * Whether {@link #acsEnabled} was asked for.
   *
   * @return false for the machine as it is
   */
  public boolean isAcsEnabled() {
    return enabled;
  }

  /**
   * Whether an override makes a function isolated. As with the kernel patch of that name, it never
   * does so for conventional functions and for those with an ACS capability.
   *
   * @param device any function
   * @return true if it is one of those that were asked for
   */
  public boolean overrides(PciDevice device) {
    if (device.hasAcs() || controls.containsKey(device)) {
      return false;
    }
    return switch (device.pcieType()) {
      case ROOT_PORT, DOWNSTREAM_PORT -> downstream;
      case ENDPOINT, LEGACY_ENDPOINT, INTEGRATED_ENDPOINT, UPSTREAM_PORT ->
          multifunction && device.multifunction();
      default -> false;
    };
  }
}
