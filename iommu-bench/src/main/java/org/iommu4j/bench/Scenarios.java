package org.iommu4j.bench;

import java.util.Collection;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs page tables and memory beside the yardsticks and prints scenario, CPU time, garbage, and the
 * ratio to one entry of the plain loop. Takes the options of JMH, for example {@code -p
 * format=vtdss -p crowd=true}.
 *
 * <p>CPU time is the least of all iterations, as others may use the machine, too. Code is compiled
 * in the foreground: what the compiler does in the background would count, and on a busy machine it
 * would not be done by the time the measurement begins.
 */
public final class Scenarios {
  private static final String PLAIN = "Yardsticks.plainFill";

  private static final Map<String, String> NAMES =
      Map.of(
          "hot4k_core", "hot4k/core",
          "hot4k_direct", "hot4k/direct",
          "pair_2M_4Kleaf", "pair/2M/4Kleaf",
          "pair_1G_4Kleaf", "pair/1G/4Kleaf",
          "pair_64K_large", "pair/64K/large",
          "pair_2M_large", "pair/2M/large",
          "pair_1G_large", "pair/1G/large",
          "iova_to_phys_1G4K_indep", "iova_to_phys/1G4K/indep",
          "iova_to_phys_1G4K_first4096", "iova_to_phys/1G4K/first4096");

  private Scenarios() {}

  /**
   * Runs and prints.
   *
   * @param args options of JMH
   * @throws RunnerException if a benchmark fails
   * @throws CommandLineOptionException for options JMH does not have
   */
  public static void main(String[] args) throws RunnerException, CommandLineOptionException {
    var given = new CommandLineOptions(args);
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .parent(given)
            .addProfiler(CpuTime.class)
            .addProfiler(GCProfiler.class)
            .jvmArgsAppend("-Xbatch");
    if (given.getIncludes().isEmpty()) {
      options.include("Yardsticks|PageTableBenchmark|MemoryBenchmark");
    } else {
      options.include("Yardsticks");
    }
    print(new Runner(options.build()).run());
  }

  private static void print(Collection<RunResult> results) {
    double plain = Double.NaN;
    SortedMap<String, RunResult> rows = new TreeMap<>();
    for (RunResult result : results) {
      rows.put(scenario(result.getParams()) + ' ' + variant(result.getParams()), result);
      if (result.getParams().getBenchmark().endsWith(PLAIN)) {
        plain = least(result, "cpu");
      }
    }
    System.out.printf("%n%-40s %-20s %10s %8s %10s%n", "scenario", "", "ns", "B/op", "plain loop");
    for (RunResult result : rows.values()) {
      double cpu = least(result, "cpu");
      System.out.printf(
          "%-40s %-20s %10.3f %8.1f %10.2f%n",
          scenario(result.getParams()),
          variant(result.getParams()),
          cpu,
          least(result, "gc.alloc.rate.norm"),
          cpu / plain);
    }
  }

  private static String scenario(BenchmarkParams params) {
    String path = params.getBenchmark();
    String method = path.substring(path.lastIndexOf('.') + 1);
    if (path.contains("PageTableBenchmark")) {
      return "pt/" + params.getParam("format") + '/' + NAMES.getOrDefault(method, method);
    }
    return path.contains("MemoryBenchmark") ? "mem/" + method : "yardstick/" + method;
  }

  private static String variant(BenchmarkParams params) {
    String memory = params.getParam("memory");
    boolean crowd = Boolean.parseBoolean(params.getParam("crowd"));
    return (memory == null ? "" : memory) + (crowd ? " in a crowd" : "");
  }

  /** The least of all iterations. */
  private static double least(RunResult result, String name) {
    double least = Double.NaN;
    for (BenchmarkResult fork : result.getBenchmarkResults()) {
      for (IterationResult iteration : fork.getIterationResults()) {
        if (iteration.getSecondaryResults().containsKey(name)) {
          double score = iteration.getSecondaryResults().get(name).getScore();
          least = Double.isNaN(least) ? score : Math.min(least, score);
        }
      }
    }
    return least;
  }
}
