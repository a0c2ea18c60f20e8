package org.iommu4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The examples print what their comments say. */
class ExamplesTest {
  @Test
  void embedTheCore() {
    assertThat(outputOf(EmbedTheCore::main)).containsExactly("42");
  }

  @Test
  void driveAGate() {
    assertThat(outputOf(DriveAGate::main))
        .containsExactly("{0000:01:00.0=true}", "{0000:01:00.0=false}", "{0000:01:00.0=true}");
  }

  @Test
  void passThrough() {
    List<String> lines = outputOf(PassThrough::main);
    assertThat(lines).hasSize(2);
    assertThat(lines.get(0)).startsWith("EBUSY: ").contains("0000:01:00.0", "my-vmm");
    assertThat(lines.get(1)).isEqualTo("DMA-FQ");
  }

  @Test
  void liveSwitch() {
    assertThat(outputOf(LiveSwitch::main)).containsExactly("DMA-FQ", "EPERM", "identity");
  }

  private interface Example {
    void run(String... args);
  }

  private static List<String> outputOf(Example example) {
    PrintStream console = System.out;
    var bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      example.run();
    } finally {
      System.setOut(console);
    }
    return bytes.toString(StandardCharsets.UTF_8).lines().toList();
  }
}
