package org.iommu4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

@Timeout(60)
class ShellCommandTest {
  private static final String GROUP = "/sys/kernel/iommu_groups/16";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path directory;

  private int run(List<String> options, String... lines) {
    try {
      Path script = directory.resolve("script");
      Files.write(script, List.of(lines));
      List<String> words = new ArrayList<>(List.of("shell", "--script", script.toString()));
      words.addAll(options);
      return new CommandLine(new Main())
          .setOut(new PrintWriter(out))
          .setErr(new PrintWriter(err))
          .execute(words.toArray(String[]::new));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private int run(String... lines) {
    return run(List.of(), lines);
  }

  private String complaints() {
    return err.toString().replace(directory + "/", "");
  }

  @Test
  void showsTheRecordedMachine() {
    int status =
        run(
            "cd " + GROUP,
            "pwd",
            "cat type reserved_regions",
            "ls",
            "ls -l devices/ | cat",
            "readlink devices/0000:02:00.0",
            "readlink -f devices/0000:02:00.0/driver",
            "echo done");
    assertThat(out.toString().replace("\r", ""))
        .isEqualTo(
            GROUP
                + "\nDMA-FQ\n0x00000000fee00000 0x00000000feefffff msi\n"
                + "devices\nreserved_regions\ntype\n"
                + "../../../../devices/pci0000:00/0000:00:01.2/0000:02:00.0\n"
                + "/sys/bus/pci/drivers/xhci_hcd\n"
                + "done\n");
    assertThat(complaints()).isEqualTo("script: line 5: syntax error: '|' is not supported\n");
    assertThat(status).isZero();
  }

  @Test
  void longListingsShowModesAndLinks() {
    run("ls -ld " + GROUP + "/*", "ls -l " + GROUP + "/devices/0000:02:00.0");
    assertThat(out.toString().lines())
        .containsExactly(
            "drwxr-xr-x 1 root root    0 Jan  1  1970 " + GROUP + "/devices",
            "-r--r--r-- 1 root root 4096 Jan  1  1970 " + GROUP + "/reserved_regions",
            "-rw-r--r-- 1 root root 4096 Jan  1  1970 " + GROUP + "/type",
            "lrwxrwxrwx 1 root root    0 Jan  1  1970 "
                + GROUP
                + "/devices/0000:02:00.0 ->"
                + " ../../../../devices/pci0000:00/0000:00:01.2/0000:02:00.0");
  }

  @Test
  void refusalsReadAsInAShell() {
    int status =
        run(
            "cd " + GROUP,
            "echo identity > type",
            "echo x > reserved_regions",
            "echo x > nosuch",
            "echo nonsense > type",
            "echo 0000:02:00.0 > /sys/bus/pci/drivers/xhci_hcd/bind",
            "cat nosuch devices",
            "cd nosuch",
            "ls nosuch",
            "nosuch");
    assertThat(complaints().lines())
        .containsExactly(
            "script: line 2: echo: write error: Operation not permitted",
            "script: line 3: reserved_regions: Permission denied",
            "script: line 4: nosuch: Permission denied",
            "script: line 5: echo: write error: Invalid argument",
            "script: line 6: echo: write error: Device or resource busy",
            "cat: nosuch: No such file or directory",
            "cat: devices: Is a directory",
            "script: line 8: cd: nosuch: No such file or directory",
            "ls: cannot access 'nosuch': No such file or directory",
            "script: line 10: nosuch: command not found");
    assertThat(status).isEqualTo(127);
  }

  @Test // CORE-210
  void anUnusedGroupChangesItsType() {
    int status =
        run(
            List.of("--strict", "-e"),
            "cd /sys/kernel/iommu_groups/0",
            "cat type",
            "echo -n identity > type; cat type",
            "echo -e 'DMA\\0rest' > type && cat type",
            "echo DMA-FQ >type || echo never",
            "cat type");
    assertThat(out.toString().lines()).containsExactly("DMA", "identity", "DMA", "DMA-FQ");
    assertThat(complaints()).isEmpty();
    assertThat(status).isZero();
  }

  @Test
  void aDeviceIsRemovedFoundAgainAndPassedOn() {
    run(
        "cd /sys/bus/pci",
        "echo 1 > devices/0000:07:00.0/remove",
        "ls devices/0000:07:00.0",
        "echo 1 > rescan",
        "readlink -f devices/0000:07:00.0/iommu_group devices/0000:07:00.0/driver",
        "echo 0000:07:00.0 > drivers/amdgpu/unbind",
        "echo vfio-pci > devices/0000:07:00.0/driver_override",
        "echo 0000:07:00.0 > drivers_probe",
        "readlink -f devices/0000:07:00.0/driver");
    assertThat(complaints())
        .isEqualTo("ls: cannot access 'devices/0000:07:00.0': No such file or directory\n");
    assertThat(out.toString().lines())
        .containsExactly(
            "/sys/kernel/iommu_groups/17",
            "/sys/bus/pci/drivers/amdgpu",
            "/sys/bus/pci/drivers/vfio-pci");
  }

  @Test
  void othersThanRootAreRefused() {
    run(List.of("--uid", "1000"), "echo DMA > " + GROUP + "/type", "cat " + GROUP + "/type");
    assertThat(complaints()).isEqualTo("script: line 1: " + GROUP + "/type: Permission denied\n");
    assertThat(out.toString()).isEqualTo("DMA-FQ\n");
  }

  @Test
  void endsAtAFailureIfAsked() {
    assertThat(run("cat nosuch", "echo after")).isZero();
    assertThat(out.toString()).isEqualTo("after\n");
    assertThat(run(List.of("-e"), "echo before", "cat nosuch", "echo never")).isEqualTo(1);
    assertThat(out.toString()).isEqualTo("after\nbefore\n");
    assertThat(run("set -e", "cat nosuch || echo fine", "exit 7", "echo never")).isEqualTo(7);
    assertThat(out.toString()).isEqualTo("after\nbefore\nfine\n");
  }

  @Test
  void treesAreDrawn() {
    run("tree /sys/class/iommu", "tree -L 1 " + GROUP, "tree /nosuch");
    assertThat(out.toString())
        .contains("soft0 -> ../../devices/virtual/iommu/soft0")
        .contains("2 directories, 0 files")
        .contains("reserved_regions\n")
        .contains("2 directories, 2 files")
        .contains("/nosuch  [error opening dir: No such file or directory]");
  }

  @Test
  void quotesWildcardsAndCommentsWork() {
    run(
        "echo 'a  b' \"c \\\" d\" e\\ f # not this",
        "echo /sys/kernel/iommu_groups/1[67]/t?pe",
        "echo '*' no*thing \\*",
        "echo [A [z-a] [",
        "echo 'open",
        "echo x >",
        "echo $HOME",
        "; echo",
        "echo two > /sys/kernel/iommu_groups/*/type");
    assertThat(out.toString().lines())
        .containsExactly(
            "a  b c \" d e f",
            "/sys/kernel/iommu_groups/16/type /sys/kernel/iommu_groups/17/type",
            "* no*thing *",
            "[A [z-a] [");
    assertThat(complaints().lines())
        .containsExactly(
            "script: line 5: syntax error: a quote is not closed",
            "script: line 6: syntax error: unexpected newline after '>'",
            "script: line 7: syntax error: '$' is not supported; quote it",
            "script: line 8: syntax error: unexpected ';'",
            "script: line 9: /sys/kernel/iommu_groups/*/type: ambiguous redirect");
  }

  @Test
  void wrongUseIsSaid() {
    run("ls -z", "tree -L x", "readlink", "cat", "exit x", "set -x", "cd a b", "help");
    assertThat(complaints().lines())
        .containsExactly(
            "ls: invalid option -- 'z'",
            "tree: invalid number -- 'x'",
            "readlink: a file is missing",
            "cat: a file is missing",
            "script: line 5: exit: x: a status from 0 to 255 is needed",
            "script: line 6: set: only -e and +e are known",
            "script: line 7: cd: too many arguments");
    assertThat(out.toString()).contains("ls [-l]", "exit [STATUS]");
  }

  @Test
  void whatCannotBeReadIsOneLine() throws IOException {
    Path broken = Files.writeString(directory.resolve("broken.json"), "{");
    assertThat(run(List.of(broken.toString()), "pwd")).isEqualTo(2);
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(err.toString()).startsWith("iommuctl shell: cannot read ");
    int status =
        new CommandLine(new Main())
            .setErr(new PrintWriter(err))
            .execute("shell", "--script", directory.resolve("nosuch").toString());
    assertThat(status).isEqualTo(2);
  }
}
