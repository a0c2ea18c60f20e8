package org.iommu4j.tests.groups;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.iommu4j.api.Device;
import org.iommu4j.api.GroupSnapshot;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.PcieType;
import org.iommu4j.api.grouping.AcsBits;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.api.grouping.MergeReason;
import org.iommu4j.api.grouping.PredictedGroup;
import org.iommu4j.core.GroupForecast;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.topology.MachineJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Real machines: what is foreseen is what was recorded there, and what a live core forms. */
@Timeout(120)
class RealMachinesTest {
  static List<Path> machines() throws IOException, URISyntaxException {
    URL folder = Objects.requireNonNull(RealMachinesTest.class.getResource("/topologies"));
    try (Stream<Path> files = Files.list(Path.of(folder.toURI()))) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    }
  }

  @Test
  void thereAreMachines() throws Exception {
    assertThat(machines()).hasSizeGreaterThanOrEqualTo(18);
  }

  private static Set<Set<Device>> foreseen(GroupPrediction prediction) {
    Set<Set<Device>> partition = new HashSet<>();
    for (PredictedGroup group : prediction.groups()) {
      partition.add(new HashSet<>(group.devices()));
    }
    return partition;
  }

  @ParameterizedTest // CORE-134 to 149
  @MethodSource("machines")
  void theForecastIsWhatTheKernelFormed(Path file) throws IOException {
    PciTopology topology = MachineJson.read(file);
    Set<Set<Device>> recorded = new HashSet<>();
    for (List<PciDevice> members : topology.recordedGroups().values()) {
      recorded.add(new HashSet<>(members));
    }
    assertThat(foreseen(GroupForecast.of(topology))).isEqualTo(recorded);
  }

  @ParameterizedTest // CORE-145: one search for both
  @MethodSource("machines")
  void theLiveCoreFormsWhatIsForeseen(Path file) throws IOException {
    PciTopology topology = MachineJson.read(file);
    try (FakeMachine machine =
        FakeMachine.builder().topology(topology).soft(SoftIommu::on).build()) {
      Set<Set<Device>> formed = new HashSet<>();
      machine
          .core()
          .groups()
          .forEach(
              group ->
                  formed.add(
                      new HashSet<>(
                          group.snapshot().members().stream()
                              .map(GroupSnapshot.Member::device)
                              .toList())));
      assertThat(formed).isEqualTo(foreseen(GroupForecast.of(topology.devices())));
    }
  }

  @ParameterizedTest
  @MethodSource("machines")
  void everyMemberButTheFirstHasAReasonThatLeadsToItsGroup(Path file) throws IOException {
    PciTopology topology = MachineJson.read(file);
    GroupPrediction prediction = GroupForecast.of(topology);
    for (PredictedGroup group : prediction.groups()) {
      Set<Device> before = new HashSet<>();
      for (PredictedGroup.Member member : group.members()) {
        List<MergeReason> reasons = member.reasons();
        assertThat(reasons.isEmpty()).isEqualTo(before.isEmpty());
        if (!reasons.isEmpty()) {
          assertThat(reasons.get(0).from()).isSameAs(member.device());
          assertThat(before).contains(reasons.get(reasons.size() - 1).to());
        }
        before.add(member.device());
      }
    }
  }

  @Test
  void aMachineOfAHundredThousandFunctions() {
    PciTopology machine = manyFunctions(100_000);
    GroupPrediction prediction = GroupForecast.of(machine);
    List<Device> members = new ArrayList<>();
    prediction.groups().forEach(group -> members.addAll(group.devices()));
    assertThat(members).hasSize(100_000);
    assertThat(prediction.groups()).hasSize(2 * (100_000 / 5));
  }

  /** Isolated ports, each with a device of four functions that are not isolated from each other. */
  private static PciTopology manyFunctions(int count) {
    PciTopology.Builder builder = PciTopology.builder("large");
    for (int i = 0; i < count / 5; i++) {
      int port = i % 0x80;
      int segment = i / 0x80;
      builder
          .function(String.format("%04x:00:%02x.%x", segment, port / 8, port % 8))
          .secondaryBus(port + 1)
          .facts(
              (facts, bus) ->
                  facts.pcieType(PcieType.ROOT_PORT).acs(AcsBits.REQUIRED, AcsBits.REQUIRED));
      for (int function = 0; function < 4; function++) {
        builder
            .function(String.format("%04x:%02x:00.%x", segment, port + 1, function))
            .facts((facts, bus) -> facts.multifunction(true));
      }
    }
    return builder.build();
  }
}
