package org.iommu4j.core.grouping;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.PciDevice;

/**
 * Devices that also do DMA under other numbers of their bus (PCIQ-070 to 079).
 *
 * <p>Aliases that are read from the device or from firmware (PCIQ-080 to 082) are facts of the
 * {@link PciDevice} and not of this table.
 */
final class AliasQuirks {
  private static final int DEVFNS = 256;
  private static final int FUNCTIONS = 8;

  private static final Map<Integer, List<Row>> ROWS =
      Map.of(
          0x1180, List.of(row("e476, e832", AliasQuirks::functionZero)), // PCIQ-070
          0x6766, List.of(row("3d40, 3d41", AliasQuirks::functionZero)), // PCIQ-071
          0x1b4b, // PCIQ-072
              List.of(
                  row(
                      "9120, 9123, 9125, 9128, 9130, 9170, 9172, 917a, 9182, 9183, 91a0, 9215,"
                          + " 9220, 9230, 9235",
                      AliasQuirks::functionOne)),
          0x1103, List.of(row("0642, 0645", AliasQuirks::functionOne)), // PCIQ-073
          0x197b, List.of(row("2392", AliasQuirks::functionOne)), // PCIQ-074
          0x1c28, List.of(row("0122", AliasQuirks::functionOne)), // PCIQ-075
          0x9005, List.of(row("0285", AliasQuirks::adaptec)), // PCIQ-076
          0x8086, // PCIQ-077, 078
              List.of(
                  row("2260, 2264", AliasQuirks::coprocessor),
                  row("2954..2956, 2958, 2959, 295a", AliasQuirks::accelerator)),
          0x10b5, List.of(row("87b0, 87b1", (device, mask) -> mask.set(0, DEVFNS)))); // PCIQ-079

  private AliasQuirks() {}

  private interface Rule {
    void add(PciDevice device, BitSet mask);
  }

  private record Row(DeviceIds ids, Rule rule) {}

  private static Row row(String ids, Rule rule) {
    return new Row(DeviceIds.of(ids), rule);
  }

  /** Adds to a mask the numbers under which the tables know a device (CORE-136). */
  static void add(PciDevice device, BitSet mask) {
    for (Row row : ROWS.getOrDefault(device.vendorId(), List.of())) {
      if (row.ids.contains(device.deviceId())) {
        row.rule.add(device, mask);
      }
    }
  }

  /** Whether the tables have rows for the maker of a device: most devices end here. */
  static boolean mayConcern(PciDevice device) {
    return ROWS.containsKey(device.vendorId());
  }

  private static void functionZero(PciDevice device, BitSet mask) {
    function(device, 0, mask);
  }

  private static void functionOne(PciDevice device, BitSet mask) {
    function(device, 1, mask);
  }

  private static void function(PciDevice device, int function, BitSet mask) {
    if (device.devfn() % FUNCTIONS != function) {
      mask.set(device.slot() * FUNCTIONS + function);
    }
  }

  private static void adaptec(PciDevice device, BitSet mask) {
    boolean concerned = device.subsystemId() == 0x02bb || device.subsystemId() == 0x02bc;
    if (device.subsystemVendorId() == 0x9005 && concerned) {
      mask.set(0x08);
    }
  }

  private static void coprocessor(PciDevice device, BitSet mask) {
    mask.set(0x80);
    mask.set(0x88);
    mask.set(0x93);
  }

  private static void accelerator(PciDevice device, BitSet mask) {
    for (int slot = 0; slot < DEVFNS; slot += FUNCTIONS) {
      mask.set(slot, slot + 5);
    }
  }
}
