package org.iommu4j.core.grouping;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciDevice.Builder;
import org.iommu4j.api.PciDevice.Flag;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.WhatIf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.mockito.Mockito;

/** The search for a group among the PCI functions that cannot be told apart. */
final class PciGroupingTest {
  private static final int ALL = AcsBits.REQUIRED;

  private final PciBus root = PciBus.root(0, 0);
  private final List<PciDevice> present = new ArrayList<>();
  private final Map<PciDevice, IommuGroup> groups = new HashMap<>();
  private final Map<IommuGroup, Integer> numbers = new HashMap<>();

  private PciDevice put(Builder builder) {
    PciDevice made = builder.build();
    present.add(made);
    return made;
  }

  private PciDevice rootPort(int slot, boolean isolated) {
    Builder port = PciDevice.builder(root, slot, 0).pcieType(PcieType.ROOT_PORT);
    return put(isolated ? port.acs(ALL, ALL) : port);
  }

  private PciBus below(PciDevice bridge, int number) {
    return PciBus.below(bridge, number);
  }

  private PciDevice endpoint(PciBus bus, int slot, int function) {
    return put(PciDevice.builder(bus, slot, function));
  }

  /** Probes a device as the core does: an existing group, or a new one. */
  private int probe(PciDevice device) {
    PciGrouping.Found<IommuGroup> found =
        new PciGrouping<IommuGroup>(groups::get, this::on).find(device);
    IommuGroup group = found == null ? Mockito.mock(IommuGroup.class) : found.group();
    numbers.putIfAbsent(group, numbers.size());
    groups.put(device, group);
    return numbers.get(group);
  }

  private List<PciDevice> on(PciBus bus) {
    return present.stream().filter(device -> device.bus() == bus).toList();
  }

  private List<Integer> probeAll() {
    return present.stream().map(this::probe).toList();
  }

  @Test // CORE-146 (a)
  void endpointsBelowIsolatedRootPortsAreAlone() {
    endpointBelow(rootPort(1, true), 1);
    endpointBelow(rootPort(2, true), 2);
    // port, endpoint, port, endpoint: four groups
    assertThat(probeAll()).containsExactly(0, 1, 2, 3);
  }

  private PciDevice endpointBelow(PciDevice port, int bus) {
    return endpoint(below(port, bus), 0, 0);
  }

  @Test // CORE-146 (b), CORE-143
  void functionsOfOneSlotWithoutAcsShareAGroup() {
    PciBus bus = below(rootPort(1, true), 1);
    put(PciDevice.builder(bus, 0, 0).multifunction(true));
    put(PciDevice.builder(bus, 0, 1).multifunction(true));
    assertThat(probeAll()).containsExactly(0, 1, 1);
  }

  @Test // CORE-143: an isolated function of the slot stays alone
  void anIsolatedFunctionStaysAlone() {
    PciBus bus = below(rootPort(1, true), 1);
    put(PciDevice.builder(bus, 0, 0).multifunction(true));
    put(PciDevice.builder(bus, 0, 1).multifunction(true).acs(ALL, ALL));
    put(PciDevice.builder(bus, 0, 2).multifunction(true));
    put(PciDevice.builder(bus, 1, 0).multifunction(true));
    assertThat(probeAll()).containsExactly(0, 1, 2, 1, 3);
  }

  @Test // CORE-146 (c), CORE-137, CORE-135
  void conventionalDevicesShareTheirBridgesGroup() {
    PciBus bus = below(rootPort(1, true), 1);
    PciDevice bridge = put(PciDevice.builder(bus, 0, 0).pcieType(PcieType.PCIE_TO_PCI_BRIDGE));
    PciBus conventional = below(bridge, 2);
    put(PciDevice.builder(conventional, 1, 0).pcieType(PcieType.CONVENTIONAL));
    put(PciDevice.builder(conventional, 2, 0).pcieType(PcieType.CONVENTIONAL));
    assertThat(probeAll()).containsExactly(0, 1, 1, 1);
  }

  @Test // CORE-146 (d), CORE-138
  void anEndpointBelowAPortWithoutAcsJoinsThatPort() {
    PciBus bus = below(rootPort(1, true), 1);
    PciDevice up = put(PciDevice.builder(bus, 0, 0).pcieType(PcieType.UPSTREAM_PORT));
    PciBus inner = below(up, 2);
    PciDevice down = put(PciDevice.builder(inner, 0, 0).pcieType(PcieType.DOWNSTREAM_PORT));
    endpointBelow(down, 3);
    assertThat(probeAll()).containsExactly(0, 1, 2, 2);
  }

  @Test // CORE-147
  void portsInDifferentSlotsAreNotMerged() {
    PciBus bus = below(rootPort(1, true), 1);
    PciDevice up = put(PciDevice.builder(bus, 0, 0).pcieType(PcieType.UPSTREAM_PORT));
    PciBus inner = below(up, 2);
    PciDevice one = put(PciDevice.builder(inner, 0, 0).pcieType(PcieType.DOWNSTREAM_PORT));
    PciDevice two = put(PciDevice.builder(inner, 1, 0).pcieType(PcieType.DOWNSTREAM_PORT));
    endpointBelow(one, 3);
    endpointBelow(two, 4);
    assertThat(probeAll()).containsExactly(0, 1, 2, 3, 2, 3);
  }

  @Test // CORE-147: the ports of one multifunction device do share a group
  void portsOfOneDeviceAreMerged() {
    PciBus bus = below(rootPort(1, true), 1);
    PciDevice up = put(PciDevice.builder(bus, 0, 0).pcieType(PcieType.UPSTREAM_PORT));
    PciBus inner = below(up, 2);
    PciDevice one =
        put(PciDevice.builder(inner, 0, 0).pcieType(PcieType.DOWNSTREAM_PORT).multifunction(true));
    PciDevice two =
        put(PciDevice.builder(inner, 0, 1).pcieType(PcieType.DOWNSTREAM_PORT).multifunction(true));
    endpointBelow(one, 3);
    endpointBelow(two, 4);
    assertThat(probeAll()).containsExactly(0, 1, 2, 2, 2, 2);
  }

  @Test // CORE-135: the starting device itself is included
  void aDeviceWithAGroupKeepsIt() {
    PciDevice device = endpoint(root, 1, 0);
    assertThat(probe(device)).isZero();
    assertThat(probe(device)).isZero();
  }

  @Test // CORE-136, errata: function numbers are full devfns
  void theWalkReportsTheDeviceThenItsAliases() {
    PciDevice device = put(PciDevice.builder(root, 3, 1).alias(0x20).alias(5));
    assertThat(DmaAliases.of(device))
        .containsExactly(
            new DmaAliases.Alias(device, 0x19),
            new DmaAliases.Alias(device, 0x05),
            new DmaAliases.Alias(device, 0x20));
  }

  @Test // CORE-136, CORE-137: what each kind of bridge contributes
  void bridgesContributeTheirOwnOrTheSecondaryId() {
    assertThat(aliasAbove(PcieType.ROOT_PORT)).isEmpty();
    assertThat(aliasAbove(PcieType.UPSTREAM_PORT)).isEmpty();
    assertThat(aliasAbove(PcieType.DOWNSTREAM_PORT)).isEmpty();
    assertThat(aliasAbove(PcieType.PCIE_TO_PCI_BRIDGE)).containsExactly(0x700);
    assertThat(aliasAbove(PcieType.PCIE_TO_PCI_BRIDGE, Flag.NO_BRIDGE_ALIAS)).isEmpty();
    assertThat(aliasAbove(PcieType.PCI_TO_PCIE_BRIDGE)).containsExactly(0x08);
    assertThat(aliasAbove(PcieType.CONVENTIONAL)).containsExactly(0x08);
    assertThat(aliasAbove(PcieType.CONVENTIONAL, Flag.ALIAS_LIKE_PCIE_BRIDGE))
        .containsExactly(0x700);
    assertThat(aliasAbove(PcieType.CONVENTIONAL, Flag.TRANSLATION_ROOT)).isEmpty();
  }

  private static List<Integer> aliasAbove(PcieType type, Flag... flags) {
    Builder builder = PciDevice.builder(PciBus.root(0, 0), 1, 0).pcieType(type);
    for (Flag flag : flags) {
      builder.flag(flag);
    }
    PciDevice device = PciDevice.builder(PciBus.below(builder.build(), 7), 2, 0).build();
    return DmaAliases.of(device).stream().skip(1).map(DmaAliases.Alias::requesterId).toList();
  }

  @Test // CORE-137: buses without a bridge are skipped, the walk goes on above
  void virtualBusesAreSkipped() {
    PciDevice bridge = put(PciDevice.builder(root, 1, 0).pcieType(PcieType.CONVENTIONAL));
    PciBus bus = PciBus.virtual(below(bridge, 1), 2);
    PciDevice device = endpoint(bus, 0, 0);
    assertThat(DmaAliases.of(device))
        .extracting(DmaAliases.Alias::requesterId)
        .containsExactly(0x200, 0x08);
    assertThat(probeAll()).containsExactly(0, 0);
  }

  @Test // CORE-137: a translation root ends the walk, so what is above does not matter
  void aTranslationRootEndsTheWalk() {
    PciDevice above = put(PciDevice.builder(root, 1, 0).pcieType(PcieType.PCIE_TO_PCI_BRIDGE));
    PciDevice translating =
        put(
            PciDevice.builder(below(above, 1), 0, 0)
                .pcieType(PcieType.CONVENTIONAL)
                .flag(Flag.TRANSLATION_ROOT));
    PciDevice device = endpoint(below(translating, 2), 0, 0);
    assertThat(DmaAliases.of(device)).containsExactly(new DmaAliases.Alias(device, 0x200));
  }

  @Test // CORE-139
  void fourControlsAreRequired() {
    assertThat(ALL)
        .isEqualTo(PciDevice.ACS_SV | PciDevice.ACS_RR | PciDevice.ACS_CR | PciDevice.ACS_UF);
    for (int bit = 1; bit <= ALL; bit <<= 1) {
      boolean required = (ALL & bit) != 0;
      PciDevice port =
          PciDevice.builder(PciBus.root(0, 0), 0, 0)
              .pcieType(PcieType.ROOT_PORT)
              .acs(ALL, ALL & ~bit)
              .build();
      assertThat(isolates(port)).as("without control 0x%x", bit).isEqualTo(!required);
    }
  }

  @ParameterizedTest // CORE-140
  @EnumSource(PcieType.class)
  void whatCountsAsIsolatedDependsOnThePortType(PcieType type) {
    boolean never =
        type == PcieType.CONVENTIONAL
            || type == PcieType.PCI_TO_PCIE_BRIDGE
            || type == PcieType.PCIE_TO_PCI_BRIDGE
            || type == PcieType.EVENT_COLLECTOR;
    boolean port = type == PcieType.ROOT_PORT || type == PcieType.DOWNSTREAM_PORT;
    assertThat(isolated(type, false, false)).isEqualTo(!never && !port);
    assertThat(isolated(type, true, false)).isFalse();
    assertThat(isolated(type, false, true)).isEqualTo(!never);
    assertThat(isolated(type, true, true)).isEqualTo(!never);
  }

  private static boolean isolates(PciDevice device) {
    return new IsolationJudge(WhatIf.NOTHING).of(device).isolated();
  }

  private static boolean isolated(PcieType type, boolean multifunction, boolean acs) {
    Builder builder =
        PciDevice.builder(PciBus.root(0, 0), 0, 0).pcieType(type).multifunction(multifunction);
    return isolates((acs ? builder.acs(ALL, ALL) : builder).build());
  }

  @Test // CORE-141
  void whatIsNotImplementedCountsAsSatisfiedExceptEgressControl() {
    assertThat(withAcs(0, 0)).isTrue();
    assertThat(withAcs(PciDevice.ACS_SV, 0)).isFalse();
    assertThat(withAcs(PciDevice.ACS_SV, PciDevice.ACS_SV)).isTrue();
    assertThat(withAcs(ALL | PciDevice.ACS_EC, ALL)).isTrue();
  }

  private static boolean withAcs(int capability, int control) {
    return isolates(
        PciDevice.builder(PciBus.root(0, 0), 0, 0)
            .pcieType(PcieType.ROOT_PORT)
            .acs(capability, control)
            .build());
  }

  @Test // CORE-138: one hole anywhere above is enough
  void theWholePathMustBeIsolated() {
    PciBus bus = below(rootPort(1, false), 1);
    PciDevice up = put(PciDevice.builder(bus, 0, 0).pcieType(PcieType.UPSTREAM_PORT));
    PciDevice down =
        put(PciDevice.builder(below(up, 2), 0, 0).pcieType(PcieType.DOWNSTREAM_PORT).acs(ALL, ALL));
    endpointBelow(down, 3);
    assertThat(probeAll()).containsExactly(0, 0, 0, 0);
  }

  @Test // CORE-142, CORE-144: aliases on the same bus, in either direction
  void aliasesShareAGroupInEitherDirection() {
    PciBus bus = below(rootPort(1, true), 1);
    put(PciDevice.builder(bus, 1, 0).alias(0x10));
    PciDevice aliased = endpoint(bus, 2, 0);
    endpoint(bus, 3, 0);
    assertThat(probeAll()).containsExactly(0, 1, 1, 2);
    assertThat(DmaAliases.shared(present.get(1), aliased)).isTrue();
    assertThat(DmaAliases.shared(aliased, present.get(1))).isTrue();
    assertThat(DmaAliases.shared(aliased, present.get(3))).isFalse();
  }

  @Test // CORE-142: the search is recursive and ends although aliases form a ring
  void aRingOfAliasesEnds() {
    PciBus bus = below(rootPort(1, true), 1);
    put(PciDevice.builder(bus, 1, 0).alias(0x10));
    put(PciDevice.builder(bus, 2, 0).alias(0x18));
    PciDevice third = put(PciDevice.builder(bus, 3, 0).alias(0x08));
    assertThat(probe(present.get(0))).isZero();
    assertThat(probe(third)).isEqualTo(1);
    assertThat(probe(present.get(1))).isEqualTo(1);
    assertThat(probe(present.get(2))).isEqualTo(1);
  }

  @Test // CORE-142: an alias leads to the non-isolated functions of its slot
  void anAliasLeadsToItsSiblings() {
    PciBus bus = below(rootPort(1, true), 1);
    put(PciDevice.builder(bus, 1, 0).multifunction(true));
    put(PciDevice.builder(bus, 1, 1).multifunction(true));
    PciDevice asking = put(PciDevice.builder(bus, 2, 0).alias(0x09));
    probe(present.get(0));
    assertThat(probe(present.get(1))).isEqualTo(1);
    groups.remove(present.get(2));
    assertThat(probe(asking)).isEqualTo(1);
  }

  @Test // CORE-145: two existing groups are never merged
  void groupsAreNeverMerged() {
    PciBus bus = below(rootPort(1, true), 1);
    PciDevice one = endpoint(bus, 1, 0);
    PciDevice two = endpoint(bus, 2, 0);
    assertThat(probe(one)).isZero();
    assertThat(probe(two)).isEqualTo(1);
    PciDevice both = put(PciDevice.builder(bus, 3, 0).alias(0x08).alias(0x10));
    assertThat(probe(both)).isZero();
    assertThat(probe(two)).isEqualTo(1);
  }

  @Test // CORE-149: a bridge without group is passed over
  void aBridgeWithoutGroupIsPassedOver() {
    PciDevice port = rootPort(1, false);
    PciDevice up = put(PciDevice.builder(below(port, 1), 0, 0).pcieType(PcieType.UPSTREAM_PORT));
    PciDevice device = endpointBelow(up, 2);
    assertThat(probe(port)).isZero();
    assertThat(probe(device)).isZero();
    assertThat(groups).doesNotContainKey(up);
  }

  @Test // CORE-134, CORE-149: nothing found, nothing answered
  void withoutNeighboursThereIsNoGroup() {
    PciDevice device = endpoint(below(rootPort(1, false), 1), 0, 0);
    assertThat(new PciGrouping<IommuGroup>(groups::get, this::on).find(device)).isNull();
  }
}
