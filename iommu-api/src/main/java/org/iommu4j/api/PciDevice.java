package org.iommu4j.api;

import java.util.HashSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A PCI function: its place in the topology and the facts that shape groups (CORE-134).
 *
 * <p>A device number (<i>devfn</i>) is slot x 8 + function.
 */
public final class PciDevice extends Device {
  /** ACS bit: source validation. */
  public static final int ACS_SV = 0x01;

  /** ACS bit: translation blocking. */
  public static final int ACS_TB = 0x02;

  /** ACS bit: request redirect. */
  public static final int ACS_RR = 0x04;

  /** ACS bit: completion redirect. */
  public static final int ACS_CR = 0x08;

  /** ACS bit: upstream forwarding. */
  public static final int ACS_UF = 0x10;

  /** ACS bit: egress control. */
  public static final int ACS_EC = 0x20;

  /** ACS bit: direct translated requests. */
  public static final int ACS_DT = 0x40;

  private final PciBus bus;
  private final int devfn;
  private final PcieType pcieType;
  private final boolean multifunctionHeader;
  private volatile boolean severalFound;
  private final @Nullable Integer acsCapability;
  private final int acsControl;
  private final boolean atsSupported;
  private final boolean untrusted;
  private final Set<Integer> aliasDevfns;
  private final Set<Flag> flags;
  private final int vendorId;
  private final int deviceId;
  private final int subsystemVendorId;
  private final int subsystemId;
  private final int classCode;
  private final boolean virtualFunction;
  private final @Nullable Boolean knownIsolation;
  private final @Nullable PciDevice dmaDevice;
  private final @Nullable Integer wideAcsControl;

  private PciDevice(Builder builder) {
    super(builder);
    this.bus = builder.bus;
    this.devfn = builder.devfn;
    this.pcieType = builder.pcieType;
    this.multifunctionHeader = builder.multifunction && !builder.virtualFunction;
    this.acsCapability = builder.acsCapability;
    this.acsControl = builder.acsControl;
    this.atsSupported = builder.atsSupported;
    this.untrusted = builder.untrusted;
    this.aliasDevfns = Set.copyOf(builder.aliasDevfns);
    this.flags = Set.copyOf(builder.flags);
    this.vendorId = builder.vendorId;
    this.deviceId = builder.deviceId;
    this.subsystemVendorId = builder.subsystemVendorId;
    this.subsystemId = builder.subsystemId;
    this.classCode = builder.classCode;
    this.virtualFunction = builder.virtualFunction;
    this.knownIsolation = builder.knownIsolation;
    this.dmaDevice = builder.dmaDevice;
    this.wideAcsControl = builder.wideAcsControl;
  }

  /** A property that changes how DMA aliases or isolation are counted (CORE-137, PCIQ-010, 017). */
  public enum Flag {
    /** A bridge above which DMA is already translated: the alias walk ends here. */
    TRANSLATION_ROOT,
    /** A PCIe-to-PCI bridge that does not take ownership of transactions from below. */
    NO_BRIDGE_ALIAS,
    /** A conventional bridge that behaves like a PCIe-to-PCI bridge. */
    ALIAS_LIKE_PCIE_BRIDGE,
    /** The machine's firmware offers an IVRS table: it has an AMD IOMMU (PCIQ-010). */
    IVRS,
    /**
     * The work-around that gives an old Intel chipset root port its isolation has failed, or has
     * not run yet (PCIQ-061). Without this flag it has succeeded, as it does on running machines.
     */
    CHIPSET_WORKAROUND_FAILED
  }

  /**
   * A single-function endpoint alone on a bus of its own.
   *
   * @param address for example {@code 0000:01:00.0}
   * @return a new device
   * @throws IllegalArgumentException if the address is malformed
   */
  public static PciDevice at(String address) {
    return builder(address).build();
  }

  /**
   * Starts the description of a function on a new root bus of its own.
   *
   * @param address segment (optional, 4 to 8 digits), bus, slot and function in hexadecimal, for
   *     example {@code 0000:01:00.0}; also the device's name
   * @return a builder
   * @throws IllegalArgumentException if the address is malformed
   */
  public static Builder builder(String address) {
    PciAddress place = PciAddress.parse(address);
    if (place == null) {
      throw new IllegalArgumentException("not a PCI address: " + address);
    }
    PciBus own = PciBus.root(place.segment(), place.bus());
    int number = place.slot() * 8 + place.function();
    return new Builder(address, own, number);
  }

  /**
   * Starts the description of a function on a given bus, named by its address.
   *
   * @param bus where it sits
   * @param slot 0 to 31
   * @param function 0 to 7
   * @return a builder
   */
  public static Builder builder(PciBus bus, int slot, int function) {
    checkPlace(slot, function);
    PciAddress place = new PciAddress(bus.segment(), bus.number(), slot, function);
    return new Builder(place.toString(), bus, slot * 8 + function);
  }

  /**
   * Starts the description of a function on a given bus with a name of its own.
   *
   * @param name the device's name
   * @param bus where it sits
   * @param slot 0 to 31
   * @param function 0 to 7
   * @return a builder
   */
  public static Builder builder(String name, PciBus bus, int slot, int function) {
    checkPlace(slot, function);
    return new Builder(name, bus, slot * 8 + function);
  }

  private static void checkPlace(int slot, int function) {
    if (slot < 0 || slot > 31 || function < 0 || function > 7) {
      throw new IllegalArgumentException(
          String.format("PCI slot 0x%x.%x is not within 0..0x1f.7", slot, function));
    }
  }

  @Override
  public BusType busType() {
    return BusType.PCI;
  }

  /**
   * Where the function sits.
   *
   * @return its bus
   */
  public PciBus bus() {
    return bus;
  }

  /**
   * The place on the bus.
   *
   * @return slot x 8 + function, 0 to 255
   */
  public int devfn() {
    return devfn;
  }

  /**
   * The slot on the bus.
   *
   * @return 0 to 31
   */
  public int slot() {
    return devfn >> 3;
  }

  /**
   * The id in the function's DMA requests.
   *
   * @return bus number x 256 + devfn
   */
  public int requesterId() {
    return bus.number() << 8 | devfn;
  }

  /**
   * The PCI Express port type.
   *
   * @return {@link PcieType#CONVENTIONAL} without such a capability
   */
  public PcieType pcieType() {
    return pcieType;
  }

  /**
   * Whether the slot is known to have several functions.
   *
   * @return the header's multifunction bit, or true once {@link #markMultifunction} was called
   */
  public boolean multifunction() {
    return multifunctionHeader || severalFound;
  }

  /**
   * The function's own multifunction bit.
   *
   * @return what its header says, whatever was found in the slot
   */
  public boolean multifunctionHeader() {
    return multifunctionHeader;
  }

  /**
   * Notes that a bus scan found the function beside others of its slot, as it does with every one
   * but the first, whatever their headers say. The only thing about a device that ever changes: a
   * scan of a running system announces a function first, and it is grouped then.
   */
  public void markMultifunction() {
    severalFound = true;
  }

  /**
   * Whether the function has an ACS capability.
   *
   * @return false if access control cannot be configured
   */
  public boolean hasAcs() {
    return acsCapability != null;
  }

  /**
   * What the ACS capability implements.
   *
   * @return a set of {@code ACS_} bits, 0 without the capability
   */
  public int acsCapability() {
    return acsCapability == null ? 0 : acsCapability;
  }

  /**
   * What the ACS capability has switched on.
   *
   * @return a set of {@code ACS_} bits
   */
  public int acsControl() {
    return acsControl;
  }

  /**
   * What is on in the 32-bit control of those Intel chipset ports that have one; there {@link
   * #acsControl} is the word at the place where others have theirs, and means nothing (PCIQ-042).
   *
   * @return empty if it was not read; then what the kernel sets is taken for granted (PCIQ-062)
   */
  public OptionalInt wideAcsControl() {
    return wideAcsControl == null ? OptionalInt.empty() : OptionalInt.of(wideAcsControl);
  }

  /**
   * Whether the device supports address translation services, enabled or not (CORE-900).
   *
   * @return true if the reset pair must block it
   */
  public boolean atsSupported() {
    return atsSupported;
  }

  /**
   * Whether the device sits behind an external-facing port (CORE-154).
   *
   * @return true if it must be translated strictly
   */
  public boolean untrusted() {
    return untrusted;
  }

  /**
   * Further numbers on its bus under which the device may do DMA (CORE-136).
   *
   * @return devfn values
   */
  public Set<Integer> aliasDevfns() {
    return aliasDevfns;
  }

  /**
   * Whether a bridge property is set.
   *
   * @param flag the property
   * @return true if set
   */
  public boolean is(Flag flag) {
    return flags.contains(flag);
  }

  /**
   * The vendor id.
   *
   * @return 0 to 0xffff, 0 if unknown
   */
  public int vendorId() {
    return vendorId;
  }

  /**
   * The device id.
   *
   * @return 0 to 0xffff, 0 if unknown
   */
  public int deviceId() {
    return deviceId;
  }

  /**
   * The vendor id of the subsystem.
   *
   * @return 0 to 0xffff, 0 if unknown
   */
  public int subsystemVendorId() {
    return subsystemVendorId;
  }

  /**
   * The device id of the subsystem.
   *
   * @return 0 to 0xffff, 0 if unknown
   */
  public int subsystemId() {
    return subsystemId;
  }

  /**
   * The class.
   *
   * @return base class, sub-class and interface, 0 to 0xffffff; 0 if unknown
   */
  public int classCode() {
    return classCode;
  }

  /**
   * Whether this is a virtual function of SR-IOV, which never counts as multifunction (PCIQ-100).
   *
   * @return false for physical functions
   */
  public boolean virtualFunction() {
    return virtualFunction;
  }

  /**
   * What is known from elsewhere about the isolation of the function, for example read back from
   * the groups of a running machine. It stands above every table and every ACS bit.
   *
   * @return empty if the facts of the function decide
   */
  public Optional<Boolean> knownIsolation() {
    return Optional.ofNullable(knownIsolation);
  }

  /**
   * The function that issues the DMA of this one (PCIQ-084).
   *
   * @return the function itself unless a controller does its DMA
   */
  public PciDevice dmaDevice() {
    return dmaDevice == null ? this : dmaDevice;
  }

  /** Collects the facts about a PCI function. */
  public static final class Builder extends Device.Builder<Builder> {
    private final PciBus bus;
    private final int devfn;
    private final Set<Integer> aliasDevfns = new HashSet<>();
    private final Set<Flag> flags = new HashSet<>();
    private PcieType pcieType = PcieType.ENDPOINT;
    private boolean multifunction;
    private @Nullable Integer acsCapability;
    private int acsControl;
    private boolean atsSupported;
    private boolean untrusted;
    private int vendorId;
    private int deviceId;
    private int subsystemVendorId;
    private int subsystemId;
    private int classCode;
    private boolean virtualFunction;
    private @Nullable Boolean knownIsolation;
    private @Nullable PciDevice dmaDevice;
    private @Nullable Integer wideAcsControl;

    private Builder(String name, PciBus bus, int devfn) {
      super(name);
      this.bus = bus;
      this.devfn = devfn;
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Sets the port type.
     *
     * @param type {@link PcieType#ENDPOINT} by default
     * @return this
     */
    public Builder pcieType(PcieType type) {
      pcieType = type;
      return this;
    }

    /**
     * Sets the multifunction bit.
     *
     * @param several false by default
     * @return this
     */
    public Builder multifunction(boolean several) {
      multifunction = several;
      return this;
    }

    /**
     * Gives the function an ACS capability.
     *
     * @param capability implemented {@code ACS_} bits
     * @param control enabled {@code ACS_} bits
     * @return this
     */
    public Builder acs(int capability, int control) {
      acsCapability = capability;
      acsControl = control;
      return this;
    }

    /**
     * Sets what is on in the 32-bit ACS control of an Intel chipset port that has one (PCIQ-042).
     *
     * @param control enabled {@code ACS_} bits of the double word at offset 8 of the capability
     * @return this
     */
    public Builder wideAcsControl(int control) {
      wideAcsControl = control;
      return this;
    }

    /**
     * Sets whether the device supports ATS.
     *
     * @param supported false by default
     * @return this
     */
    public Builder ats(boolean supported) {
      atsSupported = supported;
      return this;
    }

    /**
     * Sets whether the device is untrusted.
     *
     * @param external false by default
     * @return this
     */
    public Builder untrusted(boolean external) {
      untrusted = external;
      return this;
    }

    /**
     * Adds a DMA alias on the same bus.
     *
     * @param alias slot x 8 + function
     * @return this
     */
    public Builder alias(int alias) {
      aliasDevfns.add(alias & 0xff);
      return this;
    }

    /**
     * Sets a bridge property.
     *
     * @param flag the property
     * @return this
     */
    public Builder flag(Flag flag) {
      flags.add(flag);
      return this;
    }

    /**
     * Sets the ids that quirk tables look at.
     *
     * @param vendor vendor id
     * @param device device id
     * @return this
     */
    public Builder ids(int vendor, int device) {
      vendorId = vendor;
      deviceId = device;
      return this;
    }

    /**
     * Sets the ids of the subsystem, which one alias table looks at (PCIQ-076).
     *
     * @param vendor subsystem vendor id
     * @param device subsystem device id
     * @return this
     */
    public Builder subsystem(int vendor, int device) {
      subsystemVendorId = vendor;
      subsystemId = device;
      return this;
    }

    /**
     * Sets the class.
     *
     * @param code base class, sub-class and interface, 0 to 0xffffff
     * @return this
     */
    public Builder classCode(int code) {
      classCode = code;
      return this;
    }

    /**
     * Sets whether this is a virtual function: then it is not multifunction, whatever else is said.
     *
     * @param virtual false by default
     * @return this
     */
    public Builder virtualFunction(boolean virtual) {
      virtualFunction = virtual;
      return this;
    }

    /**
     * Fixes whether the function is isolated, above all tables and ACS bits.
     *
     * @param isolated null, the default, if the facts of the function decide
     * @return this
     */
    public Builder knownIsolation(@Nullable Boolean isolated) {
      knownIsolation = isolated;
      return this;
    }

    /**
     * Names the function that issues the DMA of this one, for example the volume management
     * controller above it (PCIQ-084).
     *
     * @param issuer null, the default, for the function itself
     * @return this
     */
    public Builder dmaDevice(@Nullable PciDevice issuer) {
      dmaDevice = issuer;
      return this;
    }

    /**
     * Creates the function and puts it on its bus.
     *
     * @return a new device
     */
    public PciDevice build() {
      PciDevice device = new PciDevice(this);
      bus.add(device);
      return device;
    }
  }
}
