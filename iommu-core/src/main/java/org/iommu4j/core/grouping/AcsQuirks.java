package org.iommu4j.core.grouping;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciDevice.Flag;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.Isolation;
import org.jspecify.annotations.Nullable;

/**
 * Functions that count as isolated, or not, without a look at their ACS registers (PCIQ-001 to
 * 042).
 *
 * <p>Rows are tried from top to bottom. One whose ids and condition match answers for good; if none
 * matches, the general rule decides. A row offers a set of ACS functions and says yes if all that
 * is asked for is in the set.
 */
final class AcsQuirks {
  private static final int NOTHING = 0;
  private static final int FULL = AcsBits.REQUIRED;
  private static final int MF =
      FULL | PciDevice.ACS_TB | PciDevice.ACS_DT; // what multifunction endpoints offer

  /** The southbridges route by themselves: only redirection is theirs to offer (PCIQ-010). */
  private static final int SOUTHBRIDGE_ASKED =
      PciDevice.ACS_RR | PciDevice.ACS_CR | PciDevice.ACS_EC | PciDevice.ACS_DT;

  private static final int SOUTHBRIDGE_OFFERED = PciDevice.ACS_RR | PciDevice.ACS_CR;

  /** Chipset root ports whose isolation lies in registers of the chipset (PCIQ-040). */
  static final DeviceIds CHIPSET_PORTS =
      DeviceIds.of(
          "3b42..3b51, 1c10..1c1f, 1e10..1e1f, 8c10..8c1f, 9c10..9c1b, 9c90..9c9b,"
              + " even 1d10..1d1e, 8d10..8d1e, even 8c90..8c9e");

  /** Chipset root ports with ACS registers of 32 instead of 16 bits (PCIQ-041). */
  static final DeviceIds WIDE_ACS_PORTS =
      DeviceIds.of("a110..a11f, a167..a16a, a290..a29f, a2e7..a2ee, 9d10..9d1b");

  private static final int INTEL = 0x8086;
  private static final int ZHAOXIN = 0x1d17;
  private static final int WANGXUN = 0x8088;

  private static final Map<Integer, List<Row>> ROWS = new Table().rows();

  private AcsQuirks() {}

  /** Which functions a row is for, and what it says about them. */
  private record Row(
      String rule, DeviceIds ids, Predicate<PciDevice> condition, int asked, int offered) {
    boolean matches(PciDevice device) {
      return ids.contains(device.deviceId()) && condition.test(device);
    }

    Isolation answer(PciDevice device) {
      return new Isolation.Listed(device, rule, (AcsBits.REQUIRED & asked & ~offered) == 0);
    }
  }

  private static final class Table {
    private final Map<Integer, List<Row>> rows = new HashMap<>();

    /** In the order of the rule book: 010 to 034. */
    Map<Integer, List<Row>> rows() {
      southbridge("PCIQ-010", 0x1002, "4383..4385, 4399, 439c, 439d");
      southbridge("PCIQ-011", 0x1022, "7809, 780f");
      row("PCIQ-012", 0x1924, "0903, 0923, 0a03", MF);
      row(
          "PCIQ-013",
          INTEL,
          "105e, 105f, 1060, 10a7, 10a9, 10c6, 10c9, 10d6, 10d9, 10db, 10dd, 10e1, 10e6..10e8,"
              + " 10f1, 10f7..10fc, 1507, 1509, 150a, 150d..1511, 1514, 1516, 1518, 151c,"
              + " 1521..1524, 1526, 1527, 1529, 152a, 154d, 154f, 1551, 1558, 15b7, 15b8",
          MF);
      row("PCIQ-014", INTEL, DeviceIds.any(), is(PcieType.INTEGRATED_ENDPOINT), FULL);
      row("PCIQ-015", 0x17cb, "0111, 0115, 0120, 0400, 0401", FULL);
      row("PCIQ-016", 0x1dbf, "0401", FULL);
      Predicate<PciDevice> rootPort = is(PcieType.ROOT_PORT);
      Predicate<PciDevice> failed = device -> device.is(Flag.CHIPSET_WORKAROUND_FAILED);
      row("PCIQ-017", INTEL, CHIPSET_PORTS, rootPort.and(failed), NOTHING);
      row("PCIQ-017", INTEL, CHIPSET_PORTS, rootPort, FULL);
      row("PCIQ-019", 0x19a2, "0710", MF);
      row("PCIQ-020", 0x10df, "0720", MF);
      row("PCIQ-021", 0x177d, DeviceIds.of("a000..a7ff, af84, b884"), rootPort, FULL);
      row("PCIQ-022", 0x177d, "a026, a059, a060", MF);
      row("PCIQ-023", 0x10e8, "e004", FULL);
      row("PCIQ-024", 0x1def, "e005..e00c", FULL);
      row("PCIQ-025", 0x14e4, "16d7, 1750..1752, 1760..1763", MF);
      row("PCIQ-026", 0x14e4, "d714", FULL);
      row("PCIQ-027", 0x0014, "3c09, 3c19, 3c29, 7a09, 7a19, 7a29, 7a39, 7a49, 7a59, 7a69", FULL);
      row("PCIQ-028", 0x1c36, DeviceIds.of("0031"), rootPort, FULL);
      row("PCIQ-029", ZHAOXIN, "3038, 3104, 9083", MF);
      row(
          "PCIQ-030",
          0x1957,
          "8d80..8d83, 8d88..8d8b, 8d90..8d93, 8d98..8d9b, 8da0, 8da1, 8da8, 8da9, 8db0, 8db1,"
              + " 8db8, 8db9",
          FULL);
      Predicate<PciDevice> port = rootPort.or(is(PcieType.DOWNSTREAM_PORT));
      row("PCIQ-031", ZHAOXIN, DeviceIds.of("0710..071e, 0721, 0723..0752"), port, FULL);
      row("PCIQ-032", ZHAOXIN, DeviceIds.any(), port, NOTHING);
      row("PCIQ-033", WANGXUN, "0100..010f, 1001, 2001, 5010, 5025, 5040, 5110, 5125, 5140", FULL);
      row("PCIQ-034", WANGXUN, DeviceIds.any(), device -> true, NOTHING);
      rows.replaceAll((vendor, list) -> List.copyOf(list));
      return Map.copyOf(rows);
    }

    private static Predicate<PciDevice> is(PcieType type) {
      return device -> device.pcieType() == type;
    }

    private void southbridge(String rule, int vendor, String ids) {
      Predicate<PciDevice> inAnAmdMachine =
          device -> device.multifunction() && device.bus().isRoot() && device.is(Flag.IVRS);
      add(
          vendor,
          new Row(rule, DeviceIds.of(ids), inAnAmdMachine, SOUTHBRIDGE_ASKED, SOUTHBRIDGE_OFFERED));
    }

    private void row(String rule, int vendor, String ids, int offered) {
      row(rule, vendor, DeviceIds.of(ids), device -> true, offered);
    }

    private void row(
        String rule, int vendor, DeviceIds ids, Predicate<PciDevice> condition, int offered) {
      add(vendor, new Row(rule, ids, condition, AcsBits.ALL, offered));
    }

    private void add(int vendor, Row row) {
      rows.computeIfAbsent(vendor, unused -> new ArrayList<>()).add(row);
    }
  }

  /** What the tables say about a function; null if nothing (PCIQ-001). */
  static @Nullable Isolation answer(PciDevice device) {
    for (Row row : ROWS.getOrDefault(device.vendorId(), List.of())) {
      if (row.matches(device)) {
        return row.answer(device);
      }
    }
    return null;
  }

  /** Whether a function has ACS registers of 32 bits (PCIQ-018). */
  static boolean hasWideAcs(PciDevice device) {
    return device.vendorId() == INTEL
        && device.pcieType() == PcieType.ROOT_PORT
        && device.hasAcs()
        && WIDE_ACS_PORTS.contains(device.deviceId());
  }

  /** The remembered ACS capability of a function, without what is broken in it (PCIQ-050). */
  static int workingCapability(PciDevice device) {
    boolean idtSwitch =
        device.vendorId() == 0x111d && (device.deviceId() == 0x8090 || device.deviceId() == 0x80b5);
    return device.acsCapability() & (idtSwitch ? ~PciDevice.ACS_SV : AcsBits.ALL);
  }
}
