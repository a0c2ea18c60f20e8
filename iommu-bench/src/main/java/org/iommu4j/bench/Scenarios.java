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
  private static final long REGION = 1L << 30;

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
          "iova_to_phys_1G4K_dep", "iova_to_phys/1G4K/dep",
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
      options.include(
          "Yardsticks|PageTableBenchmark|RegionBenchmark|TwoThreadsBenchmark|MemoryBenchmark");
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
      double nanos = nanos(result);
      System.out.printf(
          "%-40s %-20s %10.3f %8.1f %10.2f%n",
          scenario(result.getParams()),
          variant(result.getParams()),
          nanos,
          least(result, "gc.alloc.rate.norm"),
          nanos / plain);
    }
  }

  private static String scenario(BenchmarkParams params) {
    String path = params.getBenchmark();
    String method = path.substring(path.lastIndexOf('.') + 1);
    if (path.contains("PageTableBenchmark")) {
      return "pt/" + params.getParam("format") + '/' + NAMES.getOrDefault(method, method);
    }
    if (path.contains("RegionBenchmark")) {
      String chunk = params.getParam("chunk");
      return "pt/" + params.getParam("format") + "/region1G/chunk" + chunk + '/' + method;
    }
    if (path.contains("TwoThreadsBenchmark")) {
      return "pt/2thr/" + params.getParam("format") + '/' + method;
    }
    return path.contains("MemoryBenchmark") ? "mem/" + method : "yardstick/" + method;
  }

  private static String variant(BenchmarkParams params) {
    String memory = params.getParam("memory");
    boolean crowd = Boolean.parseBoolean(params.getParam("crowd"));
    return (memory == null ? "" : memory) + (crowd ? " in a crowd" : "");
  }

  /** CPU time of an operation; or wall time, where a run is prepared or two threads take part. */
  private static double nanos(RunResult result) {
    String path = result.getParams().getBenchmark();
    if (path.contains("RegionBenchmark")) {
      return leastWall(result) * Long.parseLong(result.getParams().getParam("chunk")) / REGION;
    }
    return path.contains("TwoThreadsBenchmark") ? leastWall(result) : least(result, "cpu");
  }

  private static double leastWall(RunResult result) {
    double least = Double.POSITIVE_INFINITY;
    for (BenchmarkResult fork : result.getBenchmarkResults()) {
      for (IterationResult iteration : fork.getIterationResults()) {
        least = Math.min(least, iteration.getPrimaryResult().getScore());
      }
    }
    return least;
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
