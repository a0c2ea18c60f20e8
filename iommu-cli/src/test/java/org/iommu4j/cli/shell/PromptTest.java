package org.iommu4j.cli.shell;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.iommu4j.api.Caller;
import org.iommu4j.core.sysfs.SysfsAttribute;
import org.iommu4j.core.sysfs.SysfsTree;
import org.jline.reader.Candidate;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.terminal.impl.DumbTerminal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A person at a terminal. */
@Timeout(60)
class PromptTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final List<String> written = new ArrayList<>();

  private final SysfsTree tree =
      SysfsTree.builder()
          .mount(
              "/sys/kernel/iommu_groups/0",
              Map.of(
                  "type",
                  SysfsAttribute.readWrite(() -> "DMA\n", (text, caller) -> written.add(text))))
          .build();

  private final Shell shell =
      new Shell(tree, Caller.ROOT, new PrintWriter(out), new PrintWriter(err), true, 80);

  private static Terminal terminal(String typed) throws IOException {
    return new DumbTerminal(
        "test",
        "dumb",
        new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)),
        new ByteArrayOutputStream(),
        StandardCharsets.UTF_8);
  }

  @Test
  void linesRunUntilTheEndAndAreRemembered(@TempDir Path directory) throws IOException {
    Path history = directory.resolve("history");
    try (Prompt prompt = new Prompt(terminal("cd kernel/iommu_groups/0\nls\nnosuch\n"))) {
      prompt.run(shell, "eve", "#", history);
    }
    assertThat(out.toString()).isEqualTo("type\n");
    assertThat(err.toString()).isEqualTo("sh: nosuch: command not found\n");
    assertThat(history).content().contains("cd kernel/iommu_groups/0", "nosuch");
  }

  @Test
  void exitEndsIt(@TempDir Path directory) throws IOException {
    try (Prompt prompt = new Prompt(terminal("exit 4\necho never\n"))) {
      prompt.run(shell, "eve", "#", directory.resolve("history"));
    }
    assertThat(shell.status()).isEqualTo(4);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aBackslashReachesTheShell(@TempDir Path directory) throws IOException {
    try (Prompt prompt = new Prompt(terminal("echo -e 'DMA\\0x' > kernel/iommu_groups/0/type\n"))) {
      prompt.run(shell, "eve", "#", directory.resolve("history"));
    }
    assertThat(err.toString()).isEmpty();
    assertThat(written).containsExactly("DMA");
  }

  private List<String> completions(String line) throws IOException {
    try (Terminal terminal =
        TerminalBuilder.builder()
            .dumb(true)
            .system(false)
            .streams(new ByteArrayInputStream(new byte[0]), new ByteArrayOutputStream())
            .build()) {
      LineReader reader = LineReaderBuilder.builder().terminal(terminal).build();
      List<Candidate> found = new ArrayList<>();
      new PathCompleter(shell)
          .complete(reader, new DefaultParser().parse(line, line.length()), found);
      return found.stream().map(Candidate::value).toList();
    }
  }

  @Test
  void commandsAndPathsAreCompleted() throws IOException {
    assertThat(completions("")).contains("ls", "cat", "echo", "tree");
    assertThat(completions("cat ")).containsExactly("kernel/");
    assertThat(completions("cat kernel/io")).containsExactly("kernel/iommu_groups/");
    assertThat(completions("cat /sys/kernel/iommu_groups/0/t"))
        .containsExactly("/sys/kernel/iommu_groups/0/type");
    assertThat(completions("echo DMA >kernel/iommu_groups/0/"))
        .containsExactly(">kernel/iommu_groups/0/type");
    assertThat(completions("cat nosuch/")).isEmpty();
  }
}
