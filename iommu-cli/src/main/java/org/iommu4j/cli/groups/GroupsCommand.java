package org.iommu4j.cli.groups;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.iommu4j.api.PciTopology;
import org.iommu4j.api.TopologyException;
import org.iommu4j.api.grouping.GroupPrediction;
import org.iommu4j.api.grouping.WhatIf;
import org.iommu4j.core.GroupForecast;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code iommuctl groups}: foresees the IOMMU groups of described machines.
 *
 * <p>Ends with 0 if all went well, 1 if a checked machine is not exact, 2 if something cannot be
 * read.
 */
@Command(
    name = "groups",
    description = {
      "Foresees the IOMMU groups of machines and says why they are as they are.",
      "Reads machine descriptions in JSON and the output of 'sudo lspci -vvvnn'.",
      "Ends with 0; 1 if a checked machine is not exact; 2 if a machine cannot be read."
    },
    mixinStandardHelpOptions = true)
public final class GroupsCommand implements Callable<Integer> {
  private static final int GOOD = 0;
  private static final int NOT_EXACT = 1;
  private static final int UNREADABLE = 2;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--why",
      description = "Explain every group of several devices, and what would split it.")
  private boolean why;

  @Option(names = "--json", description = "Print JSON (described in docs/GROUPS.md).")
  private boolean json;

  @Option(
      names = "--check",
      description = {
        "Compare with the groups recorded in the files, as partitions of their functions;",
        "the last line is 'machines: N, exact: M'."
      })
  private boolean check;

  @Option(names = "--ids", description = "With --check: compare the numbers of the groups, too.")
  private boolean ids;

  @Option(
      names = "--what-if",
      paramLabel = "CHANGE",
      description = {
        "Change the machine first; may be repeated.",
        "acs=BDF:BITS gives a function these ACS bits, e.g. acs=00:1c.0:SV,RR,CR,UF (or all, none;",
        "+RR or -RR change one bit);",
        "override=downstream,multifunction takes ports or functions without ACS for isolated."
      })
  private List<String> changes = List.of();

  @Parameters(
      arity = "1..*",
      paramLabel = "FILE",
      description = "Machines; folders are searched for *.json and *.txt; - is standard input.")
  private List<String> files = List.of();

  /** For the parser of the command line. */
  public GroupsCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    List<Change> wanted;
    List<Source> sources;
    try {
      wanted = changes.stream().map(Change::parse).toList();
      sources = Source.find(files);
    } catch (IOException | TopologyException e) {
      return complain(err, e);
    }
    List<Machine> machines = new ArrayList<>();
    Report report = json ? new JsonReport(out) : new TextReport(out, why, check);
    int unreadable = 0;
    for (Source source : sources) {
      try {
        Machine machine = machine(source, wanted);
        machines.add(machine);
        report.machine(machine);
      } catch (IOException | TopologyException e) {
        out.flush();
        unreadable++;
        complain(err, e);
      }
    }
    long exact = machines.stream().filter(Machine::isExact).count();
    report.end(machines.size() + unreadable, exact, check);
    out.flush();
    if (unreadable > 0) {
      return UNREADABLE;
    }
    return check && exact < machines.size() ? NOT_EXACT : GOOD;
  }

  private Machine machine(Source source, List<Change> wanted) throws IOException {
    PciTopology topology = source.read();
    WhatIf whatIf = WhatIf.NOTHING;
    if (topology.recordedGroups().isEmpty()) {
      whatIf = whatIf.acsEnabled();
    }
    for (Change change : wanted) {
      whatIf = change.apply(topology, whatIf);
    }
    GroupPrediction prediction = GroupForecast.of(topology, whatIf);
    Comparison comparison = check ? Comparison.of(topology, prediction, ids) : null;
    return new Machine(source.name(), topology, whatIf, prediction, comparison, why);
  }

  private int complain(PrintWriter err, Exception problem) {
    String message = problem.getMessage() == null ? problem.toString() : problem.getMessage();
    err.println(
        "iommuctl groups: " + (problem instanceof IOException ? "cannot read " : "") + message);
    err.flush();
    return UNREADABLE;
  }
}
