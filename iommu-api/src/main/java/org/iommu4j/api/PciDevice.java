package org.iommu4j.api;

import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

  private static final Pattern ADDRESS =
      Pattern.compile("(?:([0-9a-fA-F]{4}):)?([0-9a-fA-F]{2}):([01][0-9a-fA-F])\\.([0-7])");

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

  private PciDevice(Builder builder) {
    super(builder);
    this.bus = builder.bus;
    this.devfn = builder.devfn;
    this.pcieType = builder.pcieType;
    this.multifunctionHeader = builder.multifunction;
    this.acsCapability = builder.acsCapability;
    this.acsControl = builder.acsControl;
    this.atsSupported = builder.atsSupported;
    this.untrusted = builder.untrusted;
    this.aliasDevfns = Set.copyOf(builder.aliasDevfns);
    this.flags = Set.copyOf(builder.flags);
    this.vendorId = builder.vendorId;
    this.deviceId = builder.deviceId;
  }

  /** A property of a bridge that changes how its DMA aliases are counted (CORE-137). */
  public enum Flag {
    /** A bridge above which DMA is already translated: the alias walk ends here. */
    TRANSLATION_ROOT,
    /** A PCIe-to-PCI bridge that does not take ownership of transactions from below. */
    NO_BRIDGE_ALIAS,
    /** A conventional bridge that behaves like a PCIe-to-PCI bridge. */
    ALIAS_LIKE_PCIE_BRIDGE
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
   * @param address segment (optional), bus, slot and function in hexadecimal, for example {@code
   *     0000:01:00.0}; also the device's name
   * @return a builder
   * @throws IllegalArgumentException if the address is malformed
   */
  public static Builder builder(String address) {
    Matcher m = ADDRESS.matcher(address);
    if (!m.matches()) {
      throw new IllegalArgumentException("not a PCI address: " + address);
    }
    int segment = m.group(1) == null ? 0 : Integer.parseInt(m.group(1), 16);
    PciBus own = PciBus.root(segment, Integer.parseInt(m.group(2), 16));
    int number = Integer.parseInt(m.group(3), 16) * 8 + Integer.parseInt(m.group(4), 16);
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
    String name = String.format("%04x:%02x:%02x.%x", bus.segment(), bus.number(), slot, function);
    return new Builder(name, bus, slot * 8 + function);
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
