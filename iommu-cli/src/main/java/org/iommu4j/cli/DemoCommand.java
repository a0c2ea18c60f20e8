package org.iommu4j.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.iommu4j.cli.demo.Demo;
import org.iommu4j.cli.demo.DemoOptions;
import org.iommu4j.cli.demo.Screen;
import org.iommu4j.topology.MachineJson;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code iommuctl demo}: shows the library at work on a real machine's topology.
 *
 * <p>Ends with 0 if everything went as it must, 1 if an invariant was violated, 2 if the machine
 * cannot be read.
 */
@Command(
    name = "demo",
    description = {
      "Boots a model of a real machine and shows groups, DMA, ownership and what is refused.",
      "Ends with 0 if all invariants hold, 1 if not, 2 if the machine cannot be read."
    },
    mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
  /** Set by the {@code iommuctl} script, which knows for sure whether stdout is a terminal. */
  private static final String TERMINAL = "iommuctl.terminal";

  /** The driver logs every fault; here faults are part of the show. */
  private static final String DRIVER_LOG = "org.slf4j.simpleLogger.log.org.iommu4j.driver";

  private static final int HOLDS = 0;
  private static final int VIOLATED = 1;
  private static final int UNREADABLE = 2;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "0..1",
      paramLabel = "MACHINE.json",
      description = "A machine's topology; without it, a desktop that comes along.")
  private @Nullable Path file;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "" + DemoOptions.DEFAULT_SEED,
      description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "Run the actors on real threads instead of stepping them on one.")
  private int threads;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "" + DemoOptions.DEFAULT_STEPS,
      description = "Steps of the actors in each scene (default: ${DEFAULT-VALUE}).")
  private int steps;

  @Option(names = "--no-color", description = "Plain text, also on a terminal.")
  private boolean noColour;

  @Option(
      names = "--broken-driver",
      description = "Use an IOMMU driver that forgets to invalidate: the demo must find out.")
  private boolean brokenDriver;

  DemoCommand() {}

  @Override
  public Integer call() {
    if (threads < 0 || steps < 1) {
      throw new ParameterException(
          spec.commandLine(), "--threads must not be negative, --steps must be 1 or more");
    }
    if (System.getProperty(DRIVER_LOG) == null) {
      System.setProperty(DRIVER_LOG, "off");
    }
    PciTopology topology;
    try {
      topology = file == null ? MachineJson.defaultMachine() : MachineJson.read(file);
    } catch (NoSuchFileException e) {
      return unreadable(file + ": no such file");
    } catch (IOException e) {
      return unreadable(file + ": " + e.getMessage());
    } catch (TopologyException e) {
      return unreadable(e.getMessage());
    }
    if (topology.devices().isEmpty()) {
      return unreadable(file + ": it describes no device");
    }
    Screen screen = new Screen(spec.commandLine().getOut(), !noColour && isTerminal(), unicode());
    boolean good =
        new Demo(topology, new DemoOptions(seed, threads, steps, brokenDriver), screen).run();
    return good ? HOLDS : VIOLATED;
  }

  private int unreadable(@Nullable String because) {
    PrintWriter err = spec.commandLine().getErr();
    err.println("iommuctl demo: cannot read " + because);
    err.flush();
    return UNREADABLE;
  }

  private static boolean isTerminal() {
    String script = System.getProperty(TERMINAL);
    boolean terminal = script == null ? Ansi.AUTO.enabled() : Boolean.parseBoolean(script);
    String noColor = System.getenv("NO_COLOR");
    return terminal && (noColor == null || noColor.isEmpty());
  }

  /** JDK 17 knows the encoding of standard output only as a property of its own. */
  private static boolean unicode() {
    String name = System.getProperty("stdout.encoding", System.getProperty("sun.stdout.encoding"));
    return name == null
        ? Charset.defaultCharset().equals(StandardCharsets.UTF_8)
        : name.equalsIgnoreCase(StandardCharsets.UTF_8.name());
  }
}
