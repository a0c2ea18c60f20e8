package org.iommu4j.api;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A PCI bus: the functions on it and the way up to the root.
 *
 * <p>A bus below a bridge knows the bridge; a virtual bus (for example one of SR-IOV) has a parent
 * bus but no bridge. Thread-safe; functions are only ever added.
 */
public final class PciBus {
  private final int segment;
  private final int number;
  private final @Nullable PciBus parent;
  private final @Nullable PciDevice bridge;
  private final List<PciDevice> devices = new CopyOnWriteArrayList<>();

  private PciBus(int segment, int number, @Nullable PciBus parent, @Nullable PciDevice bridge) {
    if (segment < 0) {
      throw new IllegalArgumentException(
          "PCI segment 0x" + Integer.toHexString(segment) + " is not within 0..0x7fffffff");
    }
    if (number < 0 || number > 0xff) {
      throw new IllegalArgumentException(
          "PCI bus number 0x" + Integer.toHexString(number) + " is not within 0..0xff");
    }
    this.segment = segment;
    this.number = number;
    this.parent = parent;
    this.bridge = bridge;
  }

  /**
   * Creates a root bus.
   *
   * @param segment 0 to 0x7fffffff
   * @param number 0 to 0xff
   * @return a bus without parent
   */
  public static PciBus root(int segment, int number) {
    return new PciBus(segment, number, null, null);
  }

  /**
   * Creates the bus below a bridge.
   *
   * @param bridge the upstream bridge
   * @param number 0 to 0xff
   * @return a bus whose parent is the bridge's bus
   */
  public static PciBus below(PciDevice bridge, int number) {
    return new PciBus(bridge.bus().segment, number, bridge.bus(), bridge);
  }

  /**
   * Creates a virtual bus, one that no bridge leads to.
   *
   * @param parent the bus it hangs on
   * @param number 0 to 0xff
   * @return a bus with a parent and without a bridge
   */
  public static PciBus virtual(PciBus parent, int number) {
    return new PciBus(parent.segment, number, parent, null);
  }

  /**
   * The PCI segment (domain).
   *
   * @return 0 to 0xffff for buses of the firmware, above it for those that a volume management
   *     controller creates (PCIQ-084)
   */
  public int segment() {
    return segment;
  }

  /**
   * The bus number.
   *
   * @return 0 to 0xff
   */
  public int number() {
    return number;
  }

  /**
   * The bus above.
   *
   * @return null for a root bus
   */
  public @Nullable PciBus parent() {
    return parent;
  }

  /**
   * The bridge that leads here.
   *
   * @return null for root and virtual buses
   */
  public @Nullable PciDevice bridge() {
    return bridge;
  }

  /**
   * Whether nothing is above.
   *
   * @return true for a root bus
   */
  public boolean isRoot() {
    return parent == null;
  }

  /**
   * The functions on this bus.
   *
   * @return a live, thread-safe, read-only view in the order of creation
   */
  public List<PciDevice> devices() {
    return java.util.Collections.unmodifiableList(devices);
  }

  void add(PciDevice device) {
    devices.add(device);
  }

  @Override
  public String toString() {
    return new PciAddress.Bus(segment, number).toString();
  }
}
