package org.iommu4j.testkit.linux;

import org.iommu4j.api.BootParameters;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PcieType;
import org.iommu4j.testkit.FakeMachine;
import org.jspecify.annotations.Nullable;

/**
 * A small machine, as QEMU's q35: a single card, a card with two functions of which only the first
 * has the multifunction bit, two conventional cards behind a bridge, and a card with virtual
 * functions.
 */
public final class Board {
  public static final String PORT = "0000:00:01.0";
  public static final String NIC = "0000:01:00.0";
  public static final String BRIDGE_PORT = "0000:00:02.0";
  public static final String BRIDGE = "0000:02:00.0";
  public static final String CONV_A = "0000:03:01.0";
  public static final String CONV_B = "0000:03:02.0";
  public static final String MF0 = "0000:04:00.0";
  public static final String MF1 = "0000:04:00.1";
  public static final String PF = "0000:05:00.0";

  private static final int ISOLATING = 0x1d;

  private Board() {}

  /** The machine without IOMMU. */
  public static FakeMachine machine(@Nullable FirmwareNode node, boolean isolatedMsi) {
    PciTopology.Builder builder = PciTopology.builder("board");
    bridge(builder, PORT, PcieType.ROOT_PORT, 1, node);
    bridge(builder, BRIDGE_PORT, PcieType.ROOT_PORT, 2, node);
    bridge(builder, "0000:00:04.0", PcieType.ROOT_PORT, 4, node);
    bridge(builder, "0000:00:05.0", PcieType.ROOT_PORT, 5, node);
    bridge(builder, BRIDGE, PcieType.PCIE_TO_PCI_BRIDGE, 3, node);
    card(builder, NIC, PcieType.ENDPOINT, 0x10d3, false, node, isolatedMsi);
    card(builder, CONV_A, PcieType.CONVENTIONAL, 0x100e, false, node, isolatedMsi);
    card(builder, CONV_B, PcieType.CONVENTIONAL, 0x100e, false, node, isolatedMsi);
    card(builder, MF0, PcieType.ENDPOINT, 0x10d3, true, node, isolatedMsi);
    card(builder, MF1, PcieType.ENDPOINT, 0x10d3, false, node, isolatedMsi);
    card(builder, PF, PcieType.ENDPOINT, 0x10c9, false, node, isolatedMsi);
    PciTopology topology = builder.build();
    topology.find(MF1).orElseThrow().markMultifunction();
    return FakeMachine.builder().topology(topology).bootParameters(BootParameters.NONE).build();
  }

  private static void bridge(
      PciTopology.Builder builder,
      String address,
      PcieType type,
      int below,
      @Nullable FirmwareNode node) {
    builder
        .function(address)
        .secondaryBus(below)
        .classCode("060400")
        .facts(
            (device, bus) -> {
              device.pcieType(type).ids(0x1b36, 0x000c);
              if (type == PcieType.ROOT_PORT) {
                device.acs(0x5f, ISOLATING);
              }
              behind(device, node);
            });
  }

  private static void card(
      PciTopology.Builder builder,
      String address,
      PcieType type,
      int id,
      boolean multifunction,
      @Nullable FirmwareNode node,
      boolean isolatedMsi) {
    builder
        .function(address)
        .classCode("0200")
        .facts(
            (device, bus) ->
                behind(
                    device
                        .pcieType(type)
                        .ids(0x8086, id)
                        .multifunction(multifunction)
                        .isolatedMsi(isolatedMsi),
                    node));
  }

  private static void behind(PciDevice.Builder device, @Nullable FirmwareNode node) {
    if (node != null) {
      device.iommu(IommuSpecifier.of(node));
    }
  }

  /** The drivers of the cards. */
  public static LinuxDriver e1000e() {
    return LinuxDriver.named("e1000e").id(0x8086, 0x10d3).build();
  }

  public static LinuxDriver e1000() {
    return LinuxDriver.named("e1000").id(0x8086, 0x100e).build();
  }

  public static LinuxDriver igb() {
    return LinuxDriver.named("igb").id(0x8086, 0x10c9).supportingSriov().build();
  }

  public static LinuxDriver pciStub() {
    return LinuxDriver.named("pci-stub").build();
  }
}
