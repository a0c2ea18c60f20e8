package org.iommu4j.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.Caller;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.iommu4j.cli.shell.Prompt;
import org.iommu4j.cli.shell.Shell;
import org.iommu4j.cli.shell.ShellMachine;
import org.iommu4j.core.sysfs.SysfsTree;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.sysfs.MachineSysfs;
import org.iommu4j.topology.MachineJson;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code iommuctl shell}: a shell in the {@code /sys} of a fake machine.
 *
 * <p>Lines come from a person at a terminal, from a file, or from standard input. The exit status
 * is that of the last command, or 2 if machine or script cannot be read.
 */
@Command(
    name = "shell",
    description = {
      "Boots a model of a machine and opens a shell in its /sys.",
      "Ends with the status of the last command, or 2 if something cannot be read."
    },
    mixinStandardHelpOptions = true)
final class ShellCommand implements Callable<Integer> {
  /** Set by the {@code iommuctl} script, which knows for sure whether stdin is a terminal. */
  private static final String TERMINAL = "iommuctl.input.terminal";

  private static final int UNREADABLE = 2;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "0..1",
      paramLabel = "MACHINE.json",
      description = "A machine's topology; without it, a desktop that comes along.")
  private @Nullable Path file;

  @Option(
      names = "--script",
      paramLabel = "FILE",
      description = "Run the lines of a file; - is standard input.")
  private @Nullable Path script;

  @Option(
      names = {"-e", "--errexit"},
      description = "End at the first command that fails, as set -e does.")
  private boolean stopAtFailure;

  @Option(
      names = "--uid",
      paramLabel = "N",
      defaultValue = "0",
      description = "Whose rights count (default: ${DEFAULT-VALUE}); others have no capabilities.")
  private int uid;

  @Option(names = "--strict", description = "Boot with iommu.strict=1.")
  private boolean strict;

  @Option(names = "--passthrough", description = "Boot with iommu.passthrough=1.")
  private boolean passthrough;

  @Option(
      names = "--predict",
      description = "Form the groups anew, even if the machine's own were recorded.")
  private boolean predict;

  @Option(
      names = "--history",
      paramLabel = "FILE",
      description = "Where lines are remembered (default: ~/.iommuctl_history).")
  private Path history = Path.of(System.getProperty("user.home"), ".iommuctl_history");

  ShellCommand() {}

  @Override
  public Integer call() {
    PrintWriter err = spec.commandLine().getErr();
    try {
      PciTopology topology = file == null ? MachineJson.defaultMachine() : MachineJson.read(file);
      LinuxPci linux = ShellMachine.boot(topology, bootParameters(), predict);
      try {
        return run(linux, topology.machine());
      } finally {
        linux.machine().closeForced();
      }
    } catch (IOException | TopologyException e) {
      err.println("iommuctl shell: cannot read " + e.getMessage());
      err.flush();
      return UNREADABLE;
    }
  }

  private BootParameters bootParameters() {
    return BootParameters.NONE
        .withStrict(strict ? "1" : null)
        .withPassthrough(passthrough ? "1" : null);
  }

  private int run(LinuxPci linux, String machine) throws IOException {
    SysfsTree tree = MachineSysfs.of(linux);
    if (script == null && isTerminal()) {
      return converse(tree, linux, machine);
    }
    Shell shell = shell(tree, 0);
    boolean fromFile = script != null && !script.toString().equals("-");
    try (BufferedReader lines =
        fromFile
            ? Files.newBufferedReader(script)
            : new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      runLines(shell, lines, fromFile ? String.valueOf(script) : "sh");
    }
    return shell.status();
  }

  private static void runLines(Shell shell, BufferedReader lines, String name) throws IOException {
    int number = 0;
    String line = lines.readLine();
    while (line != null) {
      number++;
      if (!shell.run(line, name + ": line " + number)) {
        return;
      }
      line = lines.readLine();
    }
  }

  private int converse(SysfsTree tree, LinuxPci linux, String machine) throws IOException {
    try (Prompt prompt = new Prompt()) {
      Shell shell = shell(tree, prompt.width());
      PrintWriter out = spec.commandLine().getOut();
      out.println(ShellMachine.greeting(linux));
      out.flush();
      prompt.run(shell, machine, uid == 0 ? "#" : "$", history);
      return shell.status();
    }
  }

  private Shell shell(SysfsTree tree, int width) {
    Caller caller = uid == 0 ? Caller.ROOT : new Caller(uid, false, false, false);
    Shell shell =
        new Shell(
            tree,
            caller,
            spec.commandLine().getOut(),
            spec.commandLine().getErr(),
            Encoding.isUnicode(),
            width);
    shell.stopAtFailure(stopAtFailure);
    return shell;
  }

  private static boolean isTerminal() {
    String known = System.getProperty(TERMINAL);
    return known == null ? Ansi.AUTO.enabled() : Boolean.parseBoolean(known);
  }
}
