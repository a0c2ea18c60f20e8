package org.iommu4j.api;

/** A device that firmware describes, or one of another non-PCI bus. */
public final class PlatformDevice extends Device {
  private final BusType busType;

  private PlatformDevice(Builder builder) {
    super(builder);
    this.busType = builder.busType;
  }

  /**
   * Starts the description of a device on the platform bus.
   *
   * @param name the device's name
   * @return a builder
   */
  public static Builder builder(String name) {
    return new Builder(name);
  }

  @Override
  public BusType busType() {
    return busType;
  }

  /** Collects the facts about a non-PCI device. */
  public static final class Builder extends Device.Builder<Builder> {
    private BusType busType = BusType.PLATFORM;

    private Builder(String name) {
      super(name);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Puts the device on another non-PCI bus.
     *
     * @param bus any bus but PCI
     * @return this
     * @throws IllegalArgumentException for {@link BusType#PCI}
     */
    public Builder bus(BusType bus) {
      if (bus == BusType.PCI) {
        throw new IllegalArgumentException("describe PCI devices with PciDevice");
      }
      busType = bus;
      return this;
    }

    /**
     * Creates the device.
     *
     * @return a new device
     */
    public PlatformDevice build() {
      return new PlatformDevice(this);
    }
  }
}
