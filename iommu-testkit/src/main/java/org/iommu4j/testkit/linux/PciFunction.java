package org.iommu4j.testkit.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.iommu4j.api.PciDevice;
import org.jspecify.annotations.Nullable;

/**
 * A function that the system knows: a directory below {@code /sys/bus/pci/devices}.
 *
 * <p>Its getters are safe for any thread; everything else is guarded by the lock of {@link
 * LinuxPci}.
 */
public final class PciFunction {
  private final PciDevice device;
  private final PciId id;
  private final @Nullable SriovFacts sriov;
  private final PciHardware.@Nullable Function slot;
  private final @Nullable PciFunction physical;
  private final List<PciFunction> virtual = new ArrayList<>();

  private volatile @Nullable LinuxDriver driver;
  private volatile @Nullable String override;
  private volatile int numvfs;
  private volatile boolean vfAutoprobe = true;
  private volatile boolean matchingForbidden = true;
  private volatile boolean letGo;

  PciFunction(
      PciDevice device,
      PciId id,
      @Nullable SriovFacts sriov,
      PciHardware.@Nullable Function slot,
      @Nullable PciFunction physical) {
    this.device = device;
    this.id = id;
    this.sriov = sriov;
    this.slot = slot;
    this.physical = physical;
  }

  /**
   * The device.
   *
   * @return never null
   */
  public PciDevice device() {
    return device;
  }

  /**
   * The address, which is the name of the directory.
   *
   * @return for example {@code 0000:01:00.0}
   */
  public String address() {
    return device.name();
  }

  /**
   * What drivers are chosen by.
   *
   * @return vendor, device and class
   */
  public PciId id() {
    return id;
  }

  /**
   * The driver that the {@code driver} link shows.
   *
   * @return empty if none is bound, or the one that was is being unbound
   */
  public Optional<LinuxDriver> driver() {
    return Optional.ofNullable(letGo ? null : driver);
  }

  /**
   * What {@code driver_override} says.
   *
   * @return empty if drivers are chosen by id
   */
  public Optional<String> driverOverride() {
    return Optional.ofNullable(override);
  }

  /**
   * The SR-IOV capability.
   *
   * @return empty if there are no {@code sriov_} files
   */
  public Optional<SriovFacts> sriov() {
    return Optional.ofNullable(sriov);
  }

  /**
   * How many virtual functions are switched on.
   *
   * @return what {@code sriov_numvfs} reads
   */
  public int numvfs() {
    return numvfs;
  }

  /**
   * Whether drivers are bound to new virtual functions.
   *
   * @return what {@code sriov_drivers_autoprobe} reads
   */
  public boolean sriovDriversAutoprobe() {
    return vfAutoprobe;
  }

  /**
   * The physical function of a virtual one.
   *
   * @return what the {@code physfn} link shows
   */
  public Optional<PciFunction> physicalFunction() {
    return Optional.ofNullable(physical);
  }

  PciHardware.@Nullable Function slot() {
    return slot;
  }

  List<PciFunction> virtualFunctions() {
    return virtual;
  }

  @Nullable LinuxDriver held() {
    return driver;
  }

  void hold(@Nullable LinuxDriver bound) {
    driver = bound;
    letGo = false;
  }

  /** The link is gone; the driver still has the device in its hands. */
  void letGo() {
    letGo = true;
  }

  boolean isLettingGo() {
    return letGo && driver != null;
  }

  void override(@Nullable String name) {
    override = name;
  }

  void numvfs(int number) {
    numvfs = number;
  }

  void sriovDriversAutoprobe(boolean on) {
    vfAutoprobe = on;
  }

  /** A function that was announced but not yet added: drivers must wait. */
  boolean matchingForbidden() {
    return matchingForbidden;
  }

  void allowMatching() {
    matchingForbidden = false;
  }

  @Override
  public String toString() {
    return device.name();
  }
}
