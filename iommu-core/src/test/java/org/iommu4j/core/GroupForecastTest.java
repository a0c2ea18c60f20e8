package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.iommu4j.api.BusType;
import org.iommu4j.api.Device;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.api.grouping.Isolation;
import org.iommu4j.api.grouping.MergeReason;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.api.grouping.SplitAdvice;
import org.iommu4j.api.grouping.WhatIf;
import org.junit.jupiter.api.Test;

/** Predictions: the groups, the reasons, what changes them. */
final class GroupForecastTest {
  private static final int FULL = AcsBits.REQUIRED;

  private final PciTopology.Builder builder = PciTopology.builder("machine");

  private PciTopology.FunctionBuilder port(String address, int bus, int control) {
    return builder
        .function(address)
        .secondaryBus(bus)
        .facts((facts, on) -> facts.pcieType(PcieType.ROOT_PORT).acs(FULL, control));
  }

  private void functions(String... addresses) {
    for (String address : addresses) {
      builder.function(address).facts((facts, on) -> facts.multifunction(true));
    }
  }

  private static PciDevice device(PciTopology topology, String address) {
    return topology.find(address).orElseThrow();
  }

  private static List<MergeReason> reasons(GroupPrediction prediction, PciDevice device) {
    return prediction.groupOf(device).orElseThrow().members().stream()
        .filter(member -> member.device() == device)
        .findFirst()
        .orElseThrow()
        .reasons();
  }

  @Test // CORE-138: the open bridge and its missing bits are the reason
  void anOpenPathIsTheReason() {
    port("00:01.0", 1, PciDevice.ACS_SV | PciDevice.ACS_UF);
    builder.function("01:00.0");
    PciTopology topology = builder.build();
    GroupPrediction prediction = GroupForecast.of(topology);
    PciDevice port = device(topology, "00:01.0");
    PciDevice card = device(topology, "01:00.0");
    Isolation open = new Isolation.AcsOff(port, PciDevice.ACS_RR | PciDevice.ACS_CR);
    assertThat(prediction.isolationOf(port)).contains(open);
    assertThat(reasons(prediction, card))
        .containsExactly(new MergeReason.OpenPath(card, port, open));
    assertThat(reasons(prediction, card).get(0).sentence())
        .isEqualTo(
            "0000:01:00.0 cannot be told from its bridge 0000:00:01.0: on the way to the root,"
                + " 0000:00:01.0 (root port) has ACS, but RR CR are off");
    assertThat(reasons(prediction, port)).isEmpty();
  }

  @Test // CORE-143: both functions of the slot are named
  void anOpenSlotIsTheReason() {
    port("00:01.0", 1, FULL);
    functions("01:00.0", "01:00.1");
    PciTopology topology = builder.build();
    GroupPrediction prediction = GroupForecast.of(topology);
    PciDevice first = device(topology, "01:00.0");
    PciDevice second = device(topology, "01:00.1");
    assertThat(reasons(prediction, second))
        .containsExactly(
            new MergeReason.OpenSlot(
                second, first, new Isolation.NoAcs(second), new Isolation.NoAcs(first)));
  }

  @Test // CORE-135, 142: aliases are the reason, with the requester id
  void aliasesAreTheReason() {
    builder
        .function("00:02.0")
        .secondaryBus(2)
        .facts((facts, on) -> facts.pcieType(PcieType.CONVENTIONAL));
    builder.function("02:01.0").facts((facts, on) -> facts.pcieType(PcieType.CONVENTIONAL));
    builder.function("00:03.0").facts((facts, on) -> facts.ids(0x1b4b, 0x9230));
    builder.function("00:03.1");
    PciTopology topology = builder.build();
    GroupPrediction prediction = GroupForecast.of(topology);
    PciDevice bridge = device(topology, "00:02.0");
    PciDevice below = device(topology, "02:01.0");
    assertThat(reasons(prediction, below))
        .containsExactly(new MergeReason.BridgeAlias(below, bridge, 0x10));
    PciDevice disk = device(topology, "00:03.0");
    PciDevice other = device(topology, "00:03.1");
    assertThat(reasons(prediction, other))
        .containsExactly(new MergeReason.SharedRequesterId(other, disk, 0x19, disk));
    assertThat(reasons(prediction, other).get(0).sentence()).contains("requester id 00:03.1");
  }

  @Test // CORE-149: a way over a bridge without group has two steps
  void theWayMayHaveSeveralSteps() {
    port("00:01.0", 1, 0).recordedGroup(0);
    builder
        .function("01:00.0")
        .secondaryBus(2)
        .facts((facts, on) -> facts.pcieType(PcieType.UPSTREAM_PORT));
    builder.function("02:00.0").recordedGroup(0);
    PciTopology topology = builder.build();
    GroupPrediction prediction = GroupForecast.of(topology);
    assertThat(prediction.withoutGroup()).containsExactly(device(topology, "01:00.0"));
    assertThat(reasons(prediction, device(topology, "02:00.0")))
        .extracting(MergeReason::to)
        .containsExactly(device(topology, "01:00.0"), device(topology, "00:01.0"));
  }

  @Test
  void theAdviceIsWhatThePredictionSaysAfterTheChange() {
    port("00:01.0", 1, 0);
    functions("01:00.0", "01:00.1");
    PciTopology topology = builder.build();
    GroupPrediction prediction = GroupForecast.of(topology);
    assertThat(prediction.groups()).hasSize(1);
    SplitAdvice advice =
        GroupForecast.split(topology, WhatIf.NOTHING, prediction, prediction.groups().get(0));
    assertThat(advice.splits()).isTrue();
    assertThat(advice.parts()).hasSize(3);
    assertThat(advice.changes())
        .containsExactly(
            new SplitAdvice.Change(device(topology, "00:01.0"), FULL, true),
            new SplitAdvice.Change(device(topology, "01:00.0"), FULL, false));
    WhatIf changed = WhatIf.NOTHING;
    for (SplitAdvice.Change change : advice.changes()) {
      changed = changed.acs(change.device(), FULL);
    }
    assertThat(GroupForecast.of(topology, changed).groups())
        .extracting(PredictedGroup::devices)
        .containsExactlyElementsOf(advice.parts());
  }

  @Test // CORE-140: conventional functions are never isolated
  void nothingSplitsConventionalFunctions() {
    for (String address : List.of("00:14.0", "00:14.3")) {
      builder
          .function(address)
          .facts((facts, on) -> facts.multifunction(true).pcieType(PcieType.CONVENTIONAL));
    }
    PciTopology topology = builder.build();
    GroupPrediction prediction = GroupForecast.of(topology);
    SplitAdvice advice =
        GroupForecast.split(topology, WhatIf.NOTHING, prediction, prediction.groups().get(0));
    assertThat(advice.splits()).isFalse();
    assertThat(advice.changes()).isEmpty();
  }

  @Test
  void anOverrideIsForFunctionsWithoutAcsOnly() {
    port("00:01.0", 1, 0);
    builder
        .function("00:02.0")
        .secondaryBus(2)
        .facts((facts, on) -> facts.pcieType(PcieType.ROOT_PORT));
    functions("02:00.0", "02:00.1");
    builder.function("01:00.0");
    PciTopology topology = builder.build();
    assertThat(GroupForecast.of(topology).groups()).hasSize(2);
    assertThat(GroupForecast.of(topology, WhatIf.NOTHING.overrideDownstream()).groups()).hasSize(3);
    WhatIf both = WhatIf.NOTHING.overrideDownstream().overrideMultifunction();
    assertThat(GroupForecast.of(topology, both).groups()).hasSize(4);
  }

  @Test // PCIQ-060, 063: with an IOMMU the kernel switches on what is implemented
  void theKernelSwitchesAcsOn() {
    port("00:01.0", 1, 0);
    builder.function("01:00.0");
    PciTopology topology = builder.build();
    assertThat(GroupForecast.of(topology).groups()).hasSize(1);
    assertThat(GroupForecast.of(topology, WhatIf.NOTHING.acsEnabled()).groups()).hasSize(2);
  }

  @Test
  void whatIsKnownStandsAboveAllTables() {
    builder
        .function("00:01.0")
        .secondaryBus(1)
        .facts(
            (facts, on) ->
                facts.pcieType(PcieType.ROOT_PORT).ids(0x8086, 0x1c10).knownIsolation(false));
    builder.function("01:00.0");
    PciTopology topology = builder.build();
    assertThat(GroupForecast.of(topology).groups()).hasSize(1);
    WhatIf changed = WhatIf.NOTHING.acs(device(topology, "00:01.0"), 0);
    assertThat(GroupForecast.of(topology, changed).groups()).hasSize(2); // PCIQ-017 again
  }

  @Test // CORE-130, 132, 148
  void otherBusesGoByContainerOrAlone() {
    PlatformDevice container = PlatformDevice.builder("dprc.1").bus(BusType.FSL_MC).build();
    PlatformDevice port =
        PlatformDevice.builder("dpni.1").bus(BusType.FSL_MC).container(container).build();
    PlatformDevice uart = PlatformDevice.builder("uart").build();
    PlatformDevice accelerator = PlatformDevice.builder("cdx-00:00").bus(BusType.CDX).build();
    GroupPrediction prediction =
        GroupForecast.of(List.<Device>of(container, port, uart, accelerator));
    assertThat(prediction.groups())
        .extracting(PredictedGroup::devices)
        .containsExactly(List.of(container, port), List.of(uart), List.of(accelerator));
    assertThat(prediction.groups().get(0).members().get(1).reasons())
        .containsExactly(new MergeReason.SharedContainer(port, container));
  }

  @Test // CORE-131
  void anInstanceMayHaveOneGroupOnly() {
    PlatformDevice one = PlatformDevice.builder("one").build();
    PlatformDevice two = PlatformDevice.builder("two").build();
    PlatformDevice three = PlatformDevice.builder("three").build();
    GroupPrediction prediction =
        GroupForecast.oneGroupPerInstance(List.of(List.of(one, two), List.of(three)));
    assertThat(prediction.groups())
        .extracting(PredictedGroup::devices)
        .containsExactly(List.of(one, two), List.of(three));
    assertThat(prediction.groups().get(0).members().get(1).reasons())
        .containsExactly(new MergeReason.SharedInstance(two, one));
  }

  @Test
  void withoutRecordedGroupsOnlyTheIommuHasNone() {
    builder.function("00:00.2").facts((facts, on) -> facts.classCode(0x080600));
    builder.function("00:01.0");
    PciTopology topology = builder.build();
    GroupPrediction prediction = GroupForecast.of(topology);
    assertThat(prediction.withoutGroup()).containsExactly(device(topology, "00:00.2"));
    assertThat(prediction.groups()).hasSize(1);
  }
}
