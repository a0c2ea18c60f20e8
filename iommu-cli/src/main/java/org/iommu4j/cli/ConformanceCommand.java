package org.iommu4j.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.iommu4j.testkit.conformance.ConformanceReplay;
import org.iommu4j.testkit.conformance.ReplayListener;
import org.iommu4j.testkit.conformance.ReplayResult;
import org.iommu4j.testkit.conformance.ReplaySummary;
import org.iommu4j.testkit.conformance.ScriptException;
import org.iommu4j.testkit.conformance.TraceComparison;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code iommuctl conformance}: replays recorded traces and shows where this library differs.
 *
 * <p>Ends with 0 if there were traces and all of them match, 1 if not, 2 if a path cannot be read.
 */
@Command(
    name = "conformance",
    description = {
      "Replays traces of the Linux IOMMU core and compares every line.",
      "Ends with 0 if all match, 1 if not (or if there are none), 2 if a path cannot be read."
    },
    mixinStandardHelpOptions = true)
final class ConformanceCommand implements Callable<Integer> {
  /** The core reports broken invariants to its log as well; here they are lines of the trace. */
  private static final String CORE_LOG = "org.slf4j.simpleLogger.log.org.iommu4j";

  private static final int MATCH = 0;
  private static final int MISMATCH = 1;
  private static final int UNREADABLE = 2;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--strict",
      description = "Compare pure queries of the driver, too (lines beginning with \"  ?\").")
  private boolean strict;

  @Parameters(
      arity = "1..*",
      paramLabel = "PATH",
      description = "Traces, and folders to search for *.trace.")
  private List<Path> paths = List.of();

  ConformanceCommand() {}

  @Override
  public Integer call() {
    if (System.getProperty(CORE_LOG) == null) {
      System.setProperty(CORE_LOG, "off");
    }
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    TraceComparison comparison = strict ? TraceComparison.STRICT : TraceComparison.DEFAULT;
    var replay = new ConformanceReplay();
    try {
      ReplaySummary summary =
          replay.run(replay.find(paths), comparison, new Report(out, err, comparison));
      err.flush();
      out.println(summary);
      out.flush();
      return summary.allMatch() ? MATCH : MISMATCH;
    } catch (IOException e) {
      out.flush();
      err.println("iommuctl conformance: cannot read " + e.getMessage());
      err.flush();
      return UNREADABLE;
    }
  }

  private record Report(PrintWriter out, PrintWriter err, TraceComparison comparison)
      implements ReplayListener {
    @Override
    public void differs(ReplayResult result) {
      out.println(result.diff(comparison));
    }

    @Override
    public void malformed(ScriptException problem) {
      out.flush();
      err.println(problem.getMessage());
      err.flush();
    }
  }
}
