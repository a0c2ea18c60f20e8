package org.iommu4j.tests.groups;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.iommu4j.cli.groups.GroupsCommand;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** {@code iommuctl groups}: what it prints and how it ends. */
@Timeout(120)
class GroupsCommandTest {
  private static final String MACHINE =
      """
      { "machine": "small", "acs_measured": true, "devices": [
        {"bdf": "00:01.0", "header_type": 1, "secondary_bus": 1, "pcie_type": "root_port",
         "acs_cap": "SV+ TB+ RR+ CR+ UF+ EC- DT+", "acs_ctl": "SV+ TB- RR- CR+ UF+ EC- DT-",
         "iommu_group": 4, "name": "A port", "vendor": "f0f0", "device": "0001"},
        {"bdf": "01:00.0", "pcie_type": "endpoint", "iommu_group": 4, "multifunction": true},
        {"bdf": "01:00.1", "pcie_type": "endpoint", "iommu_group": 4, "multifunction": true},
        {"bdf": "00:02.0", "header_type": 1, "secondary_bus": 2, "pcie_type": "root_port",
         "iommu_group": 5},
        {"bdf": "02:00.0", "pcie_type": "endpoint", "iommu_group": 5}]}
      """;

  @TempDir Path folder;
  private Path machine = Path.of("");
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeEach
  void write() throws IOException {
    machine = Files.writeString(folder.resolve("small.json"), MACHINE);
  }

  private int run(Object... words) {
    String[] texts = List.of(words).stream().map(Object::toString).toArray(String[]::new);
    return new CommandLine(new GroupsCommand())
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(texts);
  }

  @Test
  void printsATree() {
    assertThat(run(machine)).isZero();
    assertThat(out.toString())
        .contains("small: 5 functions, 2 groups")
        .contains("group 0  3 devices")
        .contains("|- 00:01.0  A port [f0f0:0001]")
        .contains("`- 01:00.1");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void saysWhyAndWhatWouldSplit() {
    assertThat(run("--why", machine)).isZero();
    assertThat(out.toString())
        .contains("group 0: why 3 devices share it")
        .contains("00:01.0 is the first member")
        .contains("00:01.0 (root port) has ACS, but RR is off")
        .contains("to split it: with\n    RR on 00:01.0\n")
        .contains("SV RR CR UF on 01:00.0 (which does not implement them as far as is known)");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "acs=00:01.0:SV,RR,CR,UF | 3",
        "acs=00:01.0:+RR | 3",
        "acs=0000:00:01.0:all | 3",
        "acs=00:01.0:RR | 2",
        "acs=00:01.0:SV+RR+CR+UF+ | 3",
        "override=downstream | 3",
        "override=multifunction | 2",
        "override=downstream,multifunction | 3"
      })
  void otherAcsBitsOtherGroups(String change, int groups) {
    assertThat(run("--what-if", change, machine)).isZero();
    assertThat(out.toString()).contains("5 functions, " + groups + " groups");
  }

  @Test
  void changesAddUp() {
    run("--what-if", "acs=00:01.0:all", "--what-if", "override=downstream,multifunction", machine);
    assertThat(out.toString()).contains("5 functions, 5 groups");
  }

  @Test
  void checksPartitionsAndOnRequestNumbers() {
    assertThat(run("--check", machine)).isZero();
    assertThat(out.toString()).endsWith("machines: 1, exact: 1\n");
    assertThat(run("--check", "--ids", machine)).isEqualTo(1);
    assertThat(out.toString())
        .contains("00:01.0: recorded in group 4, foreseen in 0")
        .endsWith("machines: 1, exact: 0\n");
  }

  @Test
  void aMachineThatIsNotExactIsShown() throws IOException {
    Path other =
        Files.writeString(
            folder.resolve("other.json"),
            MACHINE
                .replace("\"iommu_group\": 5", "\"iommu_group\": 6")
                .replaceFirst("\"iommu_group\": 6", "\"iommu_group\": 5"));
    assertThat(run("--check", folder)).isEqualTo(1);
    assertThat(out.toString())
        .contains("NOT AS RECORDED")
        .contains("recorded, not foreseen: 02:00.0")
        .contains("foreseen, not recorded: 00:02.0 02:00.0")
        .endsWith("machines: 2, exact: 1\n");
    assertThat(other).exists();
  }

  @Test
  void withoutMeasuredBitsTheInferredOnesCountAndItSaysSo() {
    URL real = Objects.requireNonNull(getClass().getResource("/topologies/mic92-eve.json"));
    assertThat(run("--check", real.getPath())).isZero();
    assertThat(out.toString()).contains("acs_effective_inferred").contains("machines: 1, exact: 1");
  }

  @Test
  void jsonHasTheSameAnswers() {
    assertThat(run("--json", "--why", "--check", machine)).isZero();
    assertThat(out.toString())
        .startsWith("{")
        .contains("\"schema\" : 1")
        .contains("\"type\" : \"open_path\"")
        .contains("\"type\" : \"acs_off\"")
        .contains("\"acs_evidence\" : \"measured\"")
        .contains("\"exact\" : 1")
        .contains("\"possible\" : false")
        .endsWith("}\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "acs=00:01.0",
        "acs=00:01.0:XX",
        "acs=:SV",
        "override=upstream",
        "override=",
        "other=1",
        "x",
        "acs=00:1f.7:SV"
      })
  void whatIfThatMeansNothingEndsWithTwo(String change) {
    assertThat(run("--what-if", change, machine)).isEqualTo(2);
    assertThat(err.toString()).startsWith("iommuctl groups: --what-if").hasLineCount(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"devices\":[{\"bdf\":\"00:01.0\" | :1: ",
        "{\"devices\":[{\"bdf\":\"00:01.0\",\"parent\":\"00:01.0\"}]} | is its own ancestor",
        "{\"devices\":[{\"bdf\":\"00:01.0\"},{\"bdf\":\"00:01.0\"}]} | is listed twice",
        "{\"devices\":[{\"bdf\":\"00:01.0\",\"secondary_bus\":300}]} | secondary_bus is '300'",
        "noise | no PCI function is listed"
      })
  void whatIsNoMachineEndsWithTwoInOneLine(String text, String message) throws IOException {
    Path bad = Files.writeString(folder.resolve("bad.json"), text);
    assertThat(run("--check", bad, machine)).isEqualTo(2);
    assertThat(err.toString()).contains("bad.json").contains(message).hasLineCount(1);
    assertThat(out.toString()).endsWith("machines: 2, exact: 1\n");
  }

  @Test
  void filesThatAreNotThereEndWithTwo() {
    assertThat(run(folder.resolve("none.json"))).isEqualTo(2);
    assertThat(err.toString()).contains("none.json: there is no such file").hasLineCount(1);
  }

  @Test
  void inFoldersOnlyMachinesCount() throws IOException {
    Files.writeString(folder.resolve("NOTICE.txt"), "These files are free.\n");
    Files.writeString(folder.resolve("README.md"), "# no machine\n");
    assertThat(run("--check", folder)).isZero();
    assertThat(out.toString()).endsWith("machines: 1, exact: 1\n");
  }
}
