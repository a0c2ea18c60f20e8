package org.iommu4j.api;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A device that does DMA: the facts about it that an IOMMU core asks for.
 *
 * <p>Identity is object identity; two devices may carry one name. A device holds no state of a
 * core, so several cores never meet in it. Instances are thread-safe, and immutable except for
 * {@link PciDevice#markMultifunction}.
 */
public abstract sealed class Device permits PciDevice, PlatformDevice {
  private final String name;
  private final List<IommuSpecifier> iommus;
  private final int pasidLimit;
  private final boolean isolatedMsi;
  private final @Nullable Device container;

  Device(Builder<?> builder) {
    this.name = builder.name;
    this.iommus = List.copyOf(builder.iommus);
    this.pasidLimit = builder.pasidLimit;
    this.isolatedMsi = builder.isolatedMsi;
    this.container = builder.container;
  }

  /**
   * The device's name, for example {@code 0000:01:00.0}.
   *
   * @return never null
   */
  public final String name() {
    return name;
  }

  /**
   * The bus it sits on.
   *
   * @return the bus type
   */
  public abstract BusType busType();

  /**
   * What firmware says about the IOMMUs that serve it (CORE-076).
   *
   * @return may be empty
   */
  public final List<IommuSpecifier> iommus() {
    return iommus;
  }

  /**
   * How many PASIDs the device can tag its DMA with (CORE-045).
   *
   * @return 0 without PASID support
   */
  public final int pasidLimit() {
    return pasidLimit;
  }

  /**
   * Whether interrupts of the device cannot be forged by another one (CORE-042).
   *
   * @return true if MSIs are isolated
   */
  public final boolean isolatedMsi() {
    return isolatedMsi;
  }

  /**
   * The container whose group this device shares on a management-complex bus (CORE-132).
   *
   * @return the device itself when it has no other container
   */
  public final Device container() {
    return container == null ? this : container;
  }

  @Override
  public final String toString() {
    return name;
  }

  /**
   * Collects the facts about a device.
   *
   * @param <B> the concrete builder
   */
  public abstract static sealed class Builder<B extends Builder<B>>
      permits PciDevice.Builder, PlatformDevice.Builder {
    private final String name;
    private final List<IommuSpecifier> iommus = new ArrayList<>();
    private int pasidLimit;
    private boolean isolatedMsi = true;
    private @Nullable Device container;

    Builder(String name) {
      this.name = name;
    }

    abstract B self();

    /**
     * Adds an IOMMU that firmware names for the device.
     *
     * @param specifier node and ids
     * @return this
     */
    public final B iommu(IommuSpecifier specifier) {
      iommus.add(specifier);
      return self();
    }

    /**
     * Sets how many PASIDs the device supports.
     *
     * @param limit 0 to 1,048,576
     * @return this
     * @throws IllegalArgumentException outside that range
     */
    public final B pasidLimit(int limit) {
      if (limit < 0 || limit > 1 << 20) {
        throw new IllegalArgumentException(
            name + ": PASID limit " + limit + " is not within 0..1048576");
      }
      pasidLimit = limit;
      return self();
    }

    /**
     * Sets whether MSIs of the device are isolated.
     *
     * @param isolated true by default
     * @return this
     */
    public final B isolatedMsi(boolean isolated) {
      isolatedMsi = isolated;
      return self();
    }

    /**
     * Sets the management-complex container.
     *
     * @param parent whose group is shared
     * @return this
     */
    public final B container(Device parent) {
      container = parent;
      return self();
    }
  }
}
