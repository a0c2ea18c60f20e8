package org.iommu4j.testkit.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.iommu4j.testkit.FakeDriver;

/** A PCI driver as the driver core sees it. Immutable. */
public final class LinuxDriver {
  private final FakeDriver driver;
  private final List<Predicate<PciId>> ids;
  private final DriverHooks hooks;
  private final boolean supportsSriov;

  private LinuxDriver(Builder builder) {
    this.driver =
        new FakeDriver(
            builder.name, builder.managesDma || FakeDriver.ofLinux(builder.name).managesDma());
    this.ids = List.copyOf(builder.ids);
    this.hooks = builder.hooks;
    this.supportsSriov = builder.supportsSriov;
  }

  /**
   * Starts the description of a driver that matches nothing by itself.
   *
   * @param name as in {@code /sys/bus/pci/drivers}; those that are known to manage DMA do so, see
   *     {@link FakeDriver#ofLinux}
   * @return a builder
   */
  public static Builder named(String name) {
    return new Builder(name);
  }

  /**
   * The driver's name.
   *
   * @return as in {@code /sys/bus/pci/drivers}
   */
  public String name() {
    return driver.name();
  }

  /**
   * Whether it claims the DMA of its devices by itself, or uses none.
   *
   * @return true for {@code driver_managed_dma}
   */
  public boolean managesDma() {
    return driver.managesDma();
  }

  /**
   * Whether it can switch virtual functions on. Such a driver switches them off when it loses the
   * physical function.
   *
   * @return false by default
   */
  public boolean supportsSriov() {
    return supportsSriov;
  }

  /**
   * Whether an entry of the driver's table fits.
   *
   * @param id the ids of a device
   * @return false for a driver that takes devices only by override
   */
  public boolean matches(PciId id) {
    return ids.stream().anyMatch(entry -> entry.test(id));
  }

  FakeDriver fake() {
    return driver;
  }

  DriverHooks hooks() {
    return hooks;
  }

  @Override
  public String toString() {
    return name();
  }

  /** Collects what a driver is. Not thread-safe. */
  public static final class Builder {
    private final String name;
    private final List<Predicate<PciId>> ids = new ArrayList<>();
    private DriverHooks hooks = DriverHooks.NONE;
    private boolean managesDma;
    private boolean supportsSriov;

    private Builder(String name) {
      this.name = name;
    }

    /**
     * Adds an entry to the driver's table.
     *
     * @param entry says which ids it takes
     * @return this
     */
    public Builder id(Predicate<PciId> entry) {
      ids.add(entry);
      return this;
    }

    /**
     * Adds an entry with vendor and device.
     *
     * @param vendor vendor id
     * @param device device id
     * @return this
     */
    public Builder id(int vendor, int device) {
      return id(found -> found.vendor() == vendor && found.device() == device);
    }

    /**
     * Adds an entry with a class.
     *
     * @param classCode base class, sub-class and interface
     * @return this
     */
    public Builder classCode(int classCode) {
      return id(found -> found.classCode() == classCode);
    }

    /**
     * Lets the driver manage DMA whatever its name is.
     *
     * @return this
     */
    public Builder managingDma() {
      managesDma = true;
      return this;
    }

    /**
     * Lets the driver switch virtual functions on.
     *
     * @return this
     */
    public Builder supportingSriov() {
      supportsSriov = true;
      return this;
    }

    /**
     * Sets what the driver does with its devices.
     *
     * @param actions {@link DriverHooks#NONE} by default
     * @return this
     */
    public Builder hooks(DriverHooks actions) {
      hooks = actions;
      return this;
    }

    /**
     * Makes the driver.
     *
     * @return a driver that is not loaded anywhere
     */
    public LinuxDriver build() {
      return new LinuxDriver(this);
    }
  }
}
