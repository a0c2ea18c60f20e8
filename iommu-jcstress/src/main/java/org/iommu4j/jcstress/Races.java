package org.iommu4j.jcstress;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.openjdk.jcstress.JCStress;
import org.openjdk.jcstress.Options;
import org.openjdk.jcstress.infra.Status;
import org.openjdk.jcstress.infra.collectors.DiskReadCollector;
import org.openjdk.jcstress.infra.collectors.InProcessCollector;
import org.openjdk.jcstress.infra.collectors.TestResult;

/**
 * Runs the races, all or those that options of jcstress choose, and judges: every race must have
 * been run, and nothing may have been seen that is forbidden.
 *
 * <p>jcstress stays green when it leaves a race out because there are too few processors for it, or
 * because its annotation processor never saw it. So those that ran are counted here.
 */
public final class Races {
  /** How many races there are: one more for each new one. */
  private static final int ALL = 25;

  private static final String ANY_NAME = ".*";

  /**
   * One JVM per race, on whichever processors are free, in which the code is first interpreted,
   * then compiled by both compilers, with as much reordering as the second one dares.
   */
  private static final Map<String, String> DEFAULTS =
      Map.of(
          "-f", "1",
          "-iters", "1",
          "-time", "1000",
          "-sc", "false",
          "-af", "NONE",
          "-t", ANY_NAME,
          "-r", "target/races",
          "-jvmArgs", "-Xmx1g -XX:+UnlockDiagnosticVMOptions -XX:+StressLCM -XX:+StressGCM");

  private Races() {}

  /**
   * Runs the races and ends the JVM, with code 0 only if all is well. The last line says how many
   * there are and how many passed.
   *
   * @param args options of jcstress: {@code -t} chooses races by name, {@code -time} says for how
   *     many milliseconds each runs
   * @throws Exception what jcstress cannot cope with
   */
  public static void main(String... args) throws Exception {
    Options options = new Options(withDefaults(args));
    if (!options.parse()) {
      System.exit(2);
    }
    JCStress stress = new JCStress(options);
    SortedSet<String> chosen = stress.getTests();
    int expected = options.getTestFilter().equals(ANY_NAME) ? ALL : chosen.size();
    boolean content = run(stress);
    boolean good = judge(results(options), chosen, expected);
    System.exit(content && good && expected > 0 ? 0 : 1);
  }

  private static String[] withDefaults(String... args) {
    List<String> all = new ArrayList<>(Arrays.asList(args));
    DEFAULTS.forEach(
        (option, value) -> {
          if (!all.contains(option)) {
            all.add(option);
            all.add(value);
          }
        });
    return all.toArray(String[]::new);
  }

  /** Runs; false if jcstress has something to complain about. */
  private static boolean run(JCStress stress) throws Exception {
    try {
      stress.run();
      return true;
    } catch (AssertionError failures) {
      System.out.println(failures.getMessage());
      return false;
    }
  }

  private static Collection<TestResult> results(Options options)
      throws IOException, ClassNotFoundException {
    Path file = Path.of(options.getResultFile());
    InProcessCollector collector = new InProcessCollector();
    if (Files.exists(file)) {
      DiskReadCollector disk = new DiskReadCollector(file.toString(), collector);
      disk.dump();
      disk.close();
      Files.delete(file);
    }
    return collector.getTestResults();
  }

  private static boolean judge(
      Collection<TestResult> results, SortedSet<String> chosen, int expected) {
    SortedSet<String> passed = new TreeSet<>();
    SortedSet<String> failed = new TreeSet<>();
    for (TestResult result : results) {
      (isGood(result) ? passed : failed).add(result.getName());
    }
    passed.removeAll(failed);
    for (String name : chosen) {
      if (!passed.contains(name)) {
        System.out.println((failed.contains(name) ? "failed: " : "did not run: ") + name);
      }
    }
    System.out.printf("races: %d, passed: %d%n", expected, passed.size());
    return failed.isEmpty() && passed.size() == expected;
  }

  private static boolean isGood(TestResult result) {
    return result.status() == Status.NORMAL
        && result.getTotalCount() > 0
        && result.grading().isPassed;
  }
}
