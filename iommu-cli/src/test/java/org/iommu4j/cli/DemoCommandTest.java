package org.iommu4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

@Timeout(120)
class DemoCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... words) {
    out.getBuffer().setLength(0);
    return new CommandLine(new Main())
        .setOut(new PrintWriter(out))
        .setErr(new PrintWriter(err))
        .execute(words);
  }

  @Test
  void showsEverySceneAndEndsWithZero() {
    assertThat(run("demo")).isZero();
    assertThat(out.toString())
        .contains("soft0, behind it 39 devices in 23 groups")
        .contains("1  The groups", "2  DMA", "3  Changing the type of group 16")
        .contains("EPERM: group 16 cannot change to identity")
        .contains("type is identity, 8 devices moved")
        .contains("4  Strict to lazy, live", "failed DMA: 0")
        .contains("5  A virtual machine takes group 17", "EBUSY: group 17 of device 0000:07:00.1")
        .contains("6  A hot remove", "its DMA: refused, UNKNOWN_DEVICE")
        .contains("CAUGHT: used after invalidation", "CAUGHT: lent again too early")
        .contains("allowed before the flush")
        .contains("violations: 0")
        .doesNotContain("!!")
        .doesNotContain("\u001b");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void aSeedDecidesEveryLine() {
    run("demo", "--seed", "42");
    String first = out.toString();
    run("demo", "--seed", "42");
    assertThat(out.toString()).isEqualTo(first);
    run("demo", "--seed", "43");
    assertThat(out.toString()).isNotEqualTo(first);
  }

  @Test
  void noLineIsVeryLong() {
    run("demo");
    assertThat(out.toString().lines()).allSatisfy(line -> assertThat(line).hasSizeLessThan(112));
  }

  @Test
  void onRealThreadsTheInvariantsDecide() {
    assertThat(run("demo", "--threads", "4", "--steps", "8000")).isZero();
    assertThat(out.toString()).contains("actors on 4 threads", "violations: 0");
  }

  @Test
  void aBrokenDriverIsFoundOut() {
    assertThat(run("demo", "--broken-driver")).isEqualTo(1);
    assertThat(out.toString())
        .contains("AFTER_INVALIDATION: 0000:", "!! violations in this scene")
        .doesNotContain("all invariants hold");
  }

  @Test
  void aBrokenDriverIsFoundOutOnRealThreads() {
    assertThat(run("demo", "--broken-driver", "--threads", "3")).isEqualTo(1);
  }

  @Test
  void aMachineWithoutGroupsAndDriversGetsBoth(@TempDir Path folder) throws IOException {
    Path machine = folder.resolve("machine.json");
    Files.writeString(
        machine,
        "{\"machine\": \"bare\", \"devices\": ["
            + "{\"bdf\": \"0000:00:01.0\", \"class_code\": \"020000\"},"
            + "{\"bdf\": \"0000:00:02.0\", \"class_code\": \"010802\"}]}");
    assertThat(run("demo", machine.toString())).isZero();
    assertThat(out.toString())
        .contains("machine \"bare\"", "formed by this library", "\"demo\" drives 00:01.0, 00:02.0")
        .contains("This machine has no group with several devices.");
  }

  @Test
  void whatCannotBeReadEndsWithTwo(@TempDir Path folder) throws IOException {
    assertThat(run("demo", folder.resolve("none.json").toString())).isEqualTo(2);
    assertThat(err.toString()).contains("iommuctl demo: cannot read", "none.json");
    Path noMachine = folder.resolve("list.json");
    Files.writeString(noMachine, "[]");
    assertThat(run("demo", noMachine.toString())).isEqualTo(2);
    Path nothing = folder.resolve("nothing.json");
    Files.writeString(nothing, "{\"machine\": \"bare\", \"devices\": []}");
    assertThat(run("demo", nothing.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("describes no device");
    assertThat(run("demo", folder.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("cannot read " + folder);
    assertThat(run("demo", "--threads", "-1")).isEqualTo(2);
    assertThat(run("demo", "--steps", "0")).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aFewStepsAreEnough() {
    assertThat(run("demo", "--steps", "1")).isZero();
    assertThat(run("demo", "--steps", "3", "--threads", "2")).isZero();
  }

  @Test
  void theCommandsAreListed() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("demo", "conformance");
  }
}
