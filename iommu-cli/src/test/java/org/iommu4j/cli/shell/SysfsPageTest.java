package org.iommu4j.cli.shell;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Caller;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.sysfs.MachineSysfs;
import org.iommu4j.topology.MachineJson;
import org.junit.jupiter.api.Test;

/** The sessions that docs/SYSFS.md shows, played again. */
class SysfsPageTest {
  private static final Path PAGE = Path.of("..", "docs", "SYSFS.md");
  private static final Pattern SESSION = Pattern.compile("```console\n(.*?)```", Pattern.DOTALL);
  private static final Pattern PROMPT = Pattern.compile("desktop:(\\S+)[#$] (.*)");

  private final StringWriter screen = new StringWriter();

  @Test
  void everyLineIsWhatTheShellSays() throws IOException {
    Matcher sessions = SESSION.matcher(Files.readString(PAGE));
    int shown = 0;
    while (sessions.find()) {
      screen.getBuffer().setLength(0);
      play(sessions.group(1).lines().toList());
      assertThat(screen.toString()).isEqualTo(sessions.group(1));
      shown++;
    }
    assertThat(shown).isGreaterThanOrEqualTo(2);
  }

  private void play(List<String> lines) throws IOException {
    try (PrintWriter writer = new PrintWriter(screen)) {
      LinuxPci linux = ShellMachine.boot(MachineJson.defaultMachine(), BootParameters.NONE, false);
      Shell shell = new Shell(MachineSysfs.of(linux), Caller.ROOT, writer, writer, true, 100);
      for (String line : lines) {
        Matcher prompt = PROMPT.matcher(line);
        if (line.startsWith("$ ./iommuctl shell")) {
          writer.print(line + "\n" + ShellMachine.greeting(linux) + "\n");
        } else if (prompt.matches()) {
          String here = shell.process().workingDirectory();
          writer.print("desktop:" + here + "# " + prompt.group(2) + "\n");
          shell.run(prompt.group(2), "sh");
        }
      }
      linux.machine().closeForced();
    }
  }
}
