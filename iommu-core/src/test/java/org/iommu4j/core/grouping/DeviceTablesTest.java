package org.iommu4j.core.grouping;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciDevice.Builder;
import org.iommu4j.api.PciDevice.Flag;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.WhatIf;
import org.iommu4j.core.GroupForecast;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What vendor and device ids change about groups. */
final class DeviceTablesTest {
  private static final int FULL = AcsBits.REQUIRED;

  private final PciBus root = PciBus.root(0, 0);
  private final List<PciDevice> machine = new ArrayList<>();

  private PciDevice put(Builder builder) {
    PciDevice made = builder.build();
    machine.add(made);
    return made;
  }

  private PciBus belowIsolatedPort() {
    return PciBus.below(
        put(PciDevice.builder(root, 1, 0).pcieType(PcieType.ROOT_PORT).acs(FULL, FULL)), 1);
  }

  private static Builder at(PciBus bus, int slot, int function, int vendor, int device) {
    return PciDevice.builder(bus, slot, function).ids(vendor, device).multifunction(true);
  }

  private List<Integer> groups() {
    var prediction = GroupForecast.of(machine);
    return machine.stream().map(d -> prediction.groupOf(d).orElseThrow().id()).toList();
  }

  private static boolean isolated(PciDevice device) {
    return new IsolationJudge(WhatIf.NOTHING).of(device).isolated();
  }

  private static Builder lone(int vendor, int device, PcieType type) {
    return PciDevice.builder(PciBus.root(0, 0), 2, 0)
        .ids(vendor, device)
        .pcieType(type)
        .multifunction(true);
  }

  @ParameterizedTest
  @CsvSource({
    // rule, vendor, listed, not listed, type
    "PCIQ-012, 1924, 0903, 0904, ENDPOINT",
    "PCIQ-013, 8086, 10fb, 10fd, ENDPOINT",
    "PCIQ-013, 8086, 150e, 1512, ENDPOINT",
    "PCIQ-015, 17cb, 0400, 0402, ROOT_PORT",
    "PCIQ-016, 1dbf, 0401, 0402, ROOT_PORT",
    "PCIQ-017, 8086, 3b51, 3b52, ROOT_PORT",
    "PCIQ-017, 8086, 1d1e, 1d1f, ROOT_PORT",
    "PCIQ-017, 8086, 8c9e, 8c9f, ROOT_PORT",
    "PCIQ-019, 19a2, 0710, 0711, ENDPOINT",
    "PCIQ-020, 10df, 0720, 0721, ENDPOINT",
    "PCIQ-021, 177d, a7ff, a800, ROOT_PORT",
    "PCIQ-022, 177d, a059, a05a, ENDPOINT",
    "PCIQ-023, 10e8, e004, e005, ROOT_PORT",
    "PCIQ-024, 1def, e00c, e00d, ROOT_PORT",
    "PCIQ-025, 14e4, 1752, 1753, ENDPOINT",
    "PCIQ-026, 14e4, d714, d715, ROOT_PORT",
    "PCIQ-027, 0014, 7a69, 7a6a, ROOT_PORT",
    "PCIQ-028, 1c36, 0031, 0032, ROOT_PORT",
    "PCIQ-029, 1d17, 3104, 3105, ENDPOINT",
    "PCIQ-030, 1957, 8db9, 8dba, ROOT_PORT",
    "PCIQ-031, 1d17, 0752, 0753, ROOT_PORT",
    "PCIQ-033, 8088, 010f, 0110, ENDPOINT"
  })
  void listedDevicesAreIsolatedWithoutAcs(
      String rule, String vendor, String listed, String other, PcieType type) {
    int maker = Integer.parseInt(vendor, 16);
    PciDevice yes = lone(maker, Integer.parseInt(listed, 16), type).build();
    assertThat(new IsolationJudge(WhatIf.NOTHING).of(yes))
        .isEqualTo(new Isolation.Listed(yes, rule, true));
    assertThat(isolated(lone(maker, Integer.parseInt(other, 16), type).build())).isFalse();
  }

  @Test // PCIQ-014: any integrated endpoint of Intel, and nothing else of Intel
  void integratedEndpointsOfIntelAreIsolated() {
    assertThat(isolated(lone(0x8086, 0x1234, PcieType.INTEGRATED_ENDPOINT).build())).isTrue();
    assertThat(isolated(lone(0x8086, 0x1234, PcieType.ENDPOINT).build())).isFalse();
    assertThat(isolated(lone(0x8087, 0x1234, PcieType.INTEGRATED_ENDPOINT).build())).isFalse();
  }

  @Test // PCIQ-003, 021, 028, 031: where a type is demanded, other types do not qualify
  void aDemandedTypeIsDemanded() {
    assertThat(isolated(lone(0x177d, 0xa000, PcieType.ENDPOINT).build())).isFalse();
    assertThat(isolated(lone(0x1c36, 0x0031, PcieType.CONVENTIONAL).build())).isFalse();
    assertThat(isolated(lone(0x8086, 0x3b42, PcieType.DOWNSTREAM_PORT).build())).isFalse();
    assertThat(isolated(lone(0x1924, 0x0903, PcieType.CONVENTIONAL).build())).isTrue();
  }

  @Test // PCIQ-004, 032, 034: a final no beats an ACS capability with everything on
  void aFinalNoBeatsAcs() {
    assertThat(isolated(lone(0x1d17, 0x0001, PcieType.ROOT_PORT).acs(FULL, FULL).build()))
        .isFalse();
    assertThat(isolated(lone(0x1d17, 0x0001, PcieType.ENDPOINT).acs(FULL, FULL).build())).isTrue();
    assertThat(isolated(lone(0x8088, 0x0200, PcieType.ENDPOINT).acs(FULL, FULL).build())).isFalse();
  }

  @Test // PCIQ-042: the word where others have their control says nothing
  void wideAcsRegistersOfIntelPorts() {
    Builder unread = lone(0x8086, 0xa294, PcieType.ROOT_PORT).acs(0x0f, 0);
    assertThat(isolated(unread.build())).isTrue();
    Builder read = lone(0x8086, 0xa294, PcieType.ROOT_PORT).acs(0x0f, 0x7f).wideAcsControl(0x09);
    PciDevice off = read.build();
    assertThat(new IsolationJudge(WhatIf.NOTHING).of(off))
        .isEqualTo(new Isolation.WideAcs(off, PciDevice.ACS_RR, false));
    assertThat(isolated(lone(0x8086, 0xa2a0, PcieType.ROOT_PORT).acs(0x0f, 0).build())).isFalse();
    assertThat(isolated(lone(0x8086, 0xa294, PcieType.ROOT_PORT).build())).isFalse();
  }

  @ParameterizedTest // PCIQ-050
  @CsvSource({"8090, true", "80b5, true", "8091, false"})
  void brokenSourceValidationCountsAsSatisfied(String device, boolean isolated) {
    int id = Integer.parseInt(device, 16);
    int on = FULL & ~PciDevice.ACS_SV;
    assertThat(isolated(lone(0x111d, id, PcieType.DOWNSTREAM_PORT).acs(FULL, on).build()))
        .isEqualTo(isolated);
  }

  @ParameterizedTest // PCIQ-070 to 075
  @CsvSource({
    "1180, e476, 1, 10",
    "1180, e832, 3, 10",
    "6766, 3d40, 1, 10",
    "1b4b, 9230, 0, 11",
    "1103, 0645, 0, 11",
    "197b, 2392, 0, 11",
    "1c28, 0122, 2, 11"
  })
  void functionsThatUseTheIdOfANeighbour(String vendor, String device, int function, String alias) {
    PciDevice made =
        at(root, 2, function, Integer.parseInt(vendor, 16), Integer.parseInt(device, 16)).build();
    assertThat(mask(made)).containsExactly(Integer.parseInt(alias, 16));
  }

  private static int[] mask(PciDevice device) {
    return DmaAliases.mask(device).stream().toArray();
  }

  @Test // PCIQ-070, 072: who has the number already needs no alias
  void theNeighbourItselfHasNoAlias() {
    assertThat(mask(at(root, 2, 0, 0x1180, 0xe476).build())).isEmpty();
    assertThat(mask(at(root, 2, 1, 0x1b4b, 0x9230).build())).isEmpty();
    assertThat(mask(at(root, 2, 0, 0x1b4b, 0x9231).build())).isEmpty();
  }

  @Test // PCIQ-076
  void oneAliasDependsOnTheSubsystem() {
    assertThat(mask(at(root, 2, 0, 0x9005, 0x0285).subsystem(0x9005, 0x02bc).build()))
        .containsExactly(0x08);
    assertThat(mask(at(root, 2, 0, 0x9005, 0x0285).subsystem(0x9005, 0x02bd).build())).isEmpty();
    assertThat(mask(at(root, 2, 0, 0x9005, 0x0285).build())).isEmpty();
  }

  @Test // PCIQ-077, 078, 079
  void coprocessorsAndNonTransparentBridgesHaveManyAliases() {
    assertThat(mask(at(root, 2, 0, 0x8086, 0x2264).build())).containsExactly(0x80, 0x88, 0x93);
    BitSet accelerator = DmaAliases.mask(at(root, 2, 0, 0x8086, 0x295a).build());
    assertThat(accelerator.cardinality()).isEqualTo(32 * 5);
    assertThat(accelerator.get(0xfc)).isTrue();
    assertThat(accelerator.get(0xfd)).isFalse();
    assertThat(mask(at(root, 2, 0, 0x10b5, 0x87b1).build())).hasSize(256);
  }

  private static List<Integer> requesters(PciDevice device) {
    return DmaAliases.of(device).stream().map(DmaAliases.Alias::requesterId).toList();
  }

  @Test // PCIQ-090: an Express bridge that hides its capability
  void aBridgeWhereOnlyExpressFitsTakesOver() {
    PciBus bus = belowIsolatedPort();
    PciDevice bridge =
        put(PciDevice.builder(bus, 0, 0).ids(0x1b21, 0x1080).pcieType(PcieType.CONVENTIONAL));
    PciDevice device = put(PciDevice.builder(PciBus.below(bridge, 2), 3, 0));
    assertThat(requesters(device)).containsExactly(0x218, 0x200);
    PciDevice onRoot =
        put(PciDevice.builder(root, 4, 0).ids(0x8086, 0x244e).pcieType(PcieType.CONVENTIONAL));
    PciDevice below = put(PciDevice.builder(PciBus.below(onRoot, 5), 3, 0));
    assertThat(requesters(below)).containsExactly(0x518, 0x20);
    PciDevice nested =
        put(
            PciDevice.builder(below.bus(), 6, 0)
                .ids(0x1b21, 0x1080)
                .pcieType(PcieType.CONVENTIONAL));
    PciDevice last = put(PciDevice.builder(PciBus.below(nested, 6), 0, 0));
    assertThat(requesters(last)).containsExactly(0x600, 0x530, 0x20);
  }

  @Test // PCIQ-127, 091
  void atATranslationRootTheWalkEnds() {
    PciDevice port =
        put(PciDevice.builder(root, 1, 0).ids(0x14e4, 0x9084).pcieType(PcieType.ROOT_PORT));
    PciDevice device = put(PciDevice.builder(PciBus.below(port, 1), 0, 0));
    assertThat(requesters(device)).containsExactly(0x100);
    PciDevice bridge =
        put(PciDevice.builder(root, 2, 0).ids(0x14e4, 0x9000).pcieType(PcieType.CONVENTIONAL));
    assertThat(requesters(put(PciDevice.builder(PciBus.below(bridge, 2), 0, 0))))
        .containsExactly(0x200);
  }

  @Test // PCIQ-092, 093: no alias, and yet one group
  void aBridgeWithoutAliasStillSharesItsGroup() {
    PciBus bus = belowIsolatedPort();
    PciDevice bridge =
        put(PciDevice.builder(bus, 0, 0).ids(0x1a03, 0x1150).pcieType(PcieType.PCIE_TO_PCI_BRIDGE));
    PciDevice device =
        put(PciDevice.builder(PciBus.below(bridge, 2), 0, 0).pcieType(PcieType.CONVENTIONAL));
    assertThat(requesters(device)).containsExactly(0x200);
    assertThat(groups()).containsExactly(0, 1, 1);
  }

  @Test // PCIQ-084: what is behind a volume controller does its DMA as the controller
  void devicesOfAVolumeControllerJoinIt() {
    PciDevice controller =
        put(PciDevice.builder(root, 0x0e, 0).pcieType(PcieType.INTEGRATED_ENDPOINT));
    put(PciDevice.builder(root, 0x0f, 0));
    PciBus created = PciBus.root(0x10000, 0xe0);
    PciDevice port =
        put(
            PciDevice.builder(created, 1, 0)
                .pcieType(PcieType.ROOT_PORT)
                .acs(FULL, FULL)
                .dmaDevice(controller));
    PciDevice disk = put(PciDevice.builder(PciBus.below(port, 0xe1), 0, 0).dmaDevice(controller));
    assertThat(groups()).containsExactly(0, 1, 0, 0);
    assertThat(requesters(disk)).containsExactly(0x70);
    assertThat(DmaAliases.shared(disk, controller)).isTrue();
    assertThat(disk.name()).isEqualTo("10000:e1:00.0");
  }

  @Test // PCIQ-100: virtual functions are never multifunction
  void virtualFunctionsAreAlone() {
    PciBus bus = belowIsolatedPort();
    put(at(bus, 0, 0, 0, 0));
    put(at(bus, 0, 1, 0, 0));
    put(at(bus, 0, 2, 0, 0).virtualFunction(true));
    put(PciDevice.builder(bus, 0, 3).virtualFunction(true).multifunction(true));
    assertThat(groups()).containsExactly(0, 1, 1, 2, 3);
  }

  @Test // PCIQ-103: a slot is eight functions, also with ARI
  void ariFunctionsCompareWithinTheirBlockOfEight() {
    PciBus bus = belowIsolatedPort();
    put(at(bus, 0, 0, 0, 0));
    put(at(bus, 0, 7, 0, 0));
    put(at(bus, 1, 0, 0, 0));
    put(at(bus, 1, 1, 0, 0));
    assertThat(groups()).containsExactly(0, 1, 1, 2, 2);
  }

  @Test // PCIQ-120
  void twoFunctionsOfAListedNicHaveTwoGroups() {
    PciBus bus = belowIsolatedPort();
    put(at(bus, 0, 0, 0x8086, 0x10fb));
    put(at(bus, 0, 1, 0x8086, 0x10fb));
    assertThat(groups()).containsExactly(0, 1, 2);
    machine.clear();
    put(at(root, 3, 0, 0x8086, 0x1572));
    put(at(root, 3, 1, 0x8086, 0x1572));
    assertThat(groups()).containsExactly(0, 0);
  }

  @ParameterizedTest // PCIQ-121, 010
  @CsvSource({"true, 6", "false, 1"})
  void southbridgeFunctionsDependOnTheIvrsTable(boolean ivrs, int expected) {
    int[] ids = {0x4385, 0x439c, 0x4383, 0x439d, 0x4384, 0x4399};
    for (int function = 0; function < ids.length; function++) {
      Builder builder =
          at(root, 0x14, function, 0x1002, ids[function]).pcieType(PcieType.CONVENTIONAL);
      put(ivrs ? builder.flag(Flag.IVRS) : builder);
    }
    PciBus conventional = PciBus.below(machine.get(4), 3);
    put(PciDevice.builder(conventional, 6, 0).pcieType(PcieType.CONVENTIONAL));
    List<Integer> groups = groups();
    assertThat(groups.stream().distinct()).hasSize(expected);
    assertThat(groups.get(6)).isEqualTo(groups.get(4));
  }

  @Test // PCIQ-122
  void anAliasThatExistsJoins() {
    PciBus bus =
        PciBus.below(
            put(PciDevice.builder(root, 1, 0).pcieType(PcieType.ROOT_PORT).acs(FULL, FULL)), 3);
    PciDevice disk = put(PciDevice.builder(bus, 0, 0).ids(0x1b4b, 0x9230));
    assertThat(requesters(disk)).containsExactly(0x300, 0x301);
    assertThat(groups()).containsExactly(0, 1);
    put(PciDevice.builder(bus, 0, 1).ids(0x1b4b, 0x91a4));
    assertThat(groups()).containsExactly(0, 1, 1);
  }

  @ParameterizedTest // PCIQ-123: whichever is probed first
  @CsvSource({"true", "false"})
  void aNonTransparentBridgeTakesTheWholeBus(boolean bridgeFirst) {
    PciBus bus = belowIsolatedPort();
    PciDevice other = PciDevice.builder(bus, 5, 0).build();
    PciDevice bridge = PciDevice.builder(bus, 9, 1).ids(0x10b5, 0x87b0).build();
    machine.addAll(bridgeFirst ? List.of(bridge, other) : List.of(other, bridge));
    assertThat(groups()).containsExactly(0, 1, 1);
  }

  @Test // PCIQ-124
  void chipsetPortsBeforeAndAfterTheirWorkAround() {
    Builder before =
        PciDevice.builder(root, 0x1c, 0)
            .ids(0x8086, 0x1c10)
            .pcieType(PcieType.ROOT_PORT)
            .flag(Flag.CHIPSET_WORKAROUND_FAILED);
    put(PciDevice.builder(PciBus.below(put(before), 1), 0, 0));
    Builder after =
        PciDevice.builder(root, 0x1d, 0).ids(0x8086, 0x1c10).pcieType(PcieType.ROOT_PORT);
    put(PciDevice.builder(PciBus.below(put(after), 2), 0, 0));
    assertThat(groups()).containsExactly(0, 0, 1, 2);
  }

  @Test // PCIQ-125
  void unlistedWangxunFunctionsShareAGroupInSpiteOfAcs() {
    PciBus bus = belowIsolatedPort();
    put(at(bus, 0, 0, 0x8088, 0x0200).acs(FULL, FULL));
    put(at(bus, 0, 1, 0x8088, 0x0200).acs(FULL, FULL));
    put(at(bus, 1, 0, 0x8088, 0x0100));
    put(at(bus, 1, 1, 0x8088, 0x0100));
    assertThat(groups()).containsExactly(0, 1, 1, 2, 3);
  }

  @Test // PCIQ-126
  void anUnlistedZhaoxinPortIsOpenInSpiteOfAcs() {
    PciDevice port =
        put(
            PciDevice.builder(root, 1, 0)
                .ids(0x1d17, 0x0700)
                .pcieType(PcieType.ROOT_PORT)
                .acs(FULL, FULL));
    put(PciDevice.builder(PciBus.below(port, 1), 0, 0));
    assertThat(groups()).containsExactly(0, 0);
  }

  @Test // section 10 of the tables: as many ids as the source has
  void theListsAreComplete() {
    assertThat(AcsQuirks.CHIPSET_PORTS.size()).isEqualTo(119);
    assertThat(AcsQuirks.WIDE_ACS_PORTS.size()).isEqualTo(16 + 4 + 16 + 8 + 12);
    int nics =
        (int)
            IntStream.range(1, 0x10000)
                .filter(id -> isolated(lone(0x8086, id, PcieType.ENDPOINT).build()))
                .count();
    assertThat(nics).isEqualTo(48);
  }
}
