package org.iommu4j.cli.demo;

import java.util.Locale;

/** What a PCI class code means, in a few words. */
final class DeviceClass {
  private DeviceClass() {}

  /** The name of a class, for example of {@code 020000}. */
  static String name(String code) {
    String digits = code.toLowerCase(Locale.ROOT);
    String known = digits.length() < 4 ? "" : subclass(digits.substring(0, 4));
    return known.isEmpty() ? base(digits) : known;
  }

  private static String subclass(String code) {
    return switch (code) {
      case "0104" -> "RAID controller";
      case "0106" -> "SATA controller";
      case "0107" -> "SAS controller";
      case "0108" -> "NVMe controller";
      case "0200" -> "Ethernet controller";
      case "0207" -> "InfiniBand controller";
      case "0280", "0282" -> "wireless network";
      case "0300" -> "graphics";
      case "0302" -> "3D controller";
      case "0403" -> "audio";
      case "0600" -> "host bridge";
      case "0601" -> "ISA bridge";
      case "0604" -> "PCI bridge";
      case "0607" -> "CardBus bridge";
      case "0805" -> "SD host";
      case "0806" -> "IOMMU";
      case "0807" -> "event collector";
      case "0c03" -> "USB controller";
      case "0c05" -> "SMBus controller";
      case "1080" -> "crypto engine";
      case "1101" -> "performance counters";
      default -> "";
    };
  }

  private static String base(String code) {
    return switch (code.length() < 2 ? "" : code.substring(0, 2)) {
      case "01" -> "storage controller";
      case "02" -> "network controller";
      case "03" -> "display controller";
      case "04" -> "multimedia";
      case "05" -> "memory controller";
      case "06" -> "bridge";
      case "07" -> "communication";
      case "08" -> "system peripheral";
      case "0c" -> "serial bus";
      case "0d" -> "wireless";
      case "10" -> "encryption";
      case "11" -> "signal processing";
      case "12" -> "accelerator";
      case "13" -> "instrumentation";
      default -> "device";
    };
  }

  static boolean isBridge(String code) {
    return code.startsWith("06");
  }

  /** How much a demo likes to see the DMA of such a device; 0 is the most. */
  static int appeal(String code) {
    if (code.startsWith("0c03")) {
      return 3;
    }
    return switch (base(code)) {
      case "network controller" -> 0;
      case "storage controller" -> 1;
      case "display controller" -> 2;
      case "multimedia", "accelerator" -> 4;
      case "bridge" -> 9;
      default -> 6;
    };
  }
}
