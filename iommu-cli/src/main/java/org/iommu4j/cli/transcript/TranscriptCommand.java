package org.iommu4j.cli.transcript;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.iommu4j.testkit.transcript.Mismatch;
import org.iommu4j.testkit.transcript.TranscriptListener;
import org.iommu4j.testkit.transcript.TranscriptReplay;
import org.iommu4j.testkit.transcript.TranscriptSummary;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code iommuctl transcript}: replays what real kernels did and shows where this library differs.
 *
 * <p>Ends with 0 if enough was compared and all of it agrees, 1 if not, 2 if a path cannot be read.
 */
@Command(
    name = "transcript",
    description = {
      "Replays recorded operations of real kernels and compares answers and states.",
      "Ends with 0 if at least 95 % of the records that change or read state were compared and all",
      "of them agree, 1 if not (or if there are none), 2 if a path cannot be read."
    },
    mixinStandardHelpOptions = true)
public final class TranscriptCommand implements Callable<Integer> {
  /** What a replay provokes on purpose would fill the log. */
  private static final String CORE_LOG = "org.slf4j.simpleLogger.log.org.iommu4j";

  private static final int MATCH = 0;
  private static final int MISMATCH = 1;
  private static final int UNREADABLE = 2;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--verbose", description = "Also show each configuration with its own numbers.")
  private boolean verbose;

  @Parameters(
      arity = "1..*",
      paramLabel = "PATH",
      description = "Transcripts (plain or .gz), and folders to search for *.jsonl and *.jsonl.gz.")
  private List<Path> paths = List.of();

  TranscriptCommand() {}

  @Override
  public Integer call() {
    if (System.getProperty(CORE_LOG) == null) {
      System.setProperty(CORE_LOG, "off");
    }
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    var replay = new TranscriptReplay();
    try {
      TranscriptSummary summary = replay.run(replay.find(paths), new Report(out, err, verbose));
      out.println("not compared: " + listing(summary));
      err.flush();
      out.println(summary);
      out.flush();
      return summary.succeeded() ? MATCH : MISMATCH;
    } catch (IOException e) {
      out.flush();
      err.println("iommuctl transcript: cannot read " + e.getMessage());
      err.flush();
      return UNREADABLE;
    }
  }

  private static String listing(TranscriptSummary summary) {
    if (summary.notCompared().isEmpty()) {
      return "nothing";
    }
    return String.join(
        ", ", summary.notCompared().entrySet().stream().map(TranscriptCommand::counted).toList());
  }

  private static String counted(Map.Entry<String, Integer> operation) {
    return operation.getKey() + " " + operation.getValue();
  }

  private record Report(PrintWriter out, PrintWriter err, boolean verbose)
      implements TranscriptListener {
    @Override
    public void begins(String config, String description) {
      if (verbose) {
        out.println(config + ": " + description);
      }
    }

    @Override
    public void differs(Mismatch mismatch) {
      out.println(mismatch);
    }

    @Override
    public void ends(TranscriptSummary summary) {
      if (verbose) {
        out.println("  " + summary + "; not compared: " + listing(summary));
      }
    }

    @Override
    public void problem(String problem) {
      out.flush();
      err.println("iommuctl transcript: " + problem);
      err.flush();
    }
  }
}
