package org.iommu4j.testkit;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.iommu4j.core.IommuCore;

/**
 * The oracle: what must hold of every core at every moment at which nothing is under way in it.
 *
 * <pre>{@code
 * IommuInvariants.check(core);
 * }</pre>
 *
 * <ul>
 *   <li>every device is a member of one group, and it and the group know each other (CORE-026);
 *   <li>a group holds at least one reference for each member; link names and numbers are unique;
 *   <li>it has a current domain if and only if it has a default domain (CORE-032), and none of them
 *       without members with an IOMMU;
 *   <li>owner and count fit: never negative, an owner has claims (CORE-033), an owned group is not
 *       on its default domain (CORE-315), and every bound driver of a running machine that uses the
 *       DMA API is counted exactly once;
 *   <li>as many members are parked for a reset as the group counts (CORE-034);
 *   <li>devices do DMA through the DMA layer only in groups whose default domain is for that;
 *   <li>no lock is left behind on the calling thread;
 *   <li>the core has recorded no violation, except those that the test expects;
 *   <li>of a machine, besides: its drivers were used as their contract says, and nobody broke a
 *       promise about stale translations;
 *   <li>after its close: no group has members, and drivers and table memory have everything back.
 * </ul>
 *
 * <p>With threads at work in the core the answer means nothing.
 */
public final class IommuInvariants {
  private IommuInvariants() {}

  /**
   * Checks a core.
   *
   * @param core a core in which nothing is under way
   * @param allowedViolations tokens of violations that the test provoked
   * @throws AssertionError listing all that is wrong
   */
  public static void check(IommuCore core, String... allowedViolations) {
    raise(broken(core, allowedViolations), core, List.of());
  }

  /**
   * Checks a machine, running or closed.
   *
   * @param machine a machine in which nothing is under way
   * @param allowedViolations tokens of violations that the test provoked
   * @throws AssertionError listing all that is wrong
   */
  public static void check(FakeMachine machine, String... allowedViolations) {
    List<Throwable> leaks = machine.isClosed() ? machine.ledger().outstanding() : List.of();
    raise(broken(machine, allowedViolations), machine.core(), leaks);
  }

  /**
   * What is wrong with a core.
   *
   * @param core a core in which nothing is under way
   * @param allowedViolations tokens of violations that the test provoked
   * @return one sentence each; empty if all is well
   */
  public static List<String> broken(IommuCore core, String... allowedViolations) {
    CoreInspection inspection = new CoreInspection(core);
    inspection.groups();
    inspection.locks();
    inspection.violations(tokens(allowedViolations));
    return inspection.findings();
  }

  /**
   * What is wrong with a machine.
   *
   * @param machine a machine in which nothing is under way
   * @param allowedViolations tokens of violations that the test provoked
   * @return one sentence each; empty if all is well
   */
  public static List<String> broken(FakeMachine machine, String... allowedViolations) {
    CoreInspection inspection = new CoreInspection(machine.core());
    inspection.groups();
    inspection.locks();
    inspection.violations(tokens(allowedViolations));
    inspection.conduct(machine);
    if (machine.isClosed()) {
      inspection.leaks(machine);
    } else {
      inspection.drivers(machine);
    }
    return inspection.findings();
  }

  private static Set<String> tokens(String... allowed) {
    return new TreeSet<>(Arrays.asList(allowed));
  }

  private static void raise(List<String> findings, IommuCore core, List<Throwable> leaks) {
    if (findings.isEmpty()) {
      return;
    }
    StringBuilder text = new StringBuilder();
    text.append(findings.size()).append(" broken:");
    findings.forEach(finding -> text.append("\n  - ").append(finding));
    AssertionError error = new AssertionError(text.append('\n').append(core.dump()).toString());
    leaks.forEach(error::addSuppressed);
    throw error;
  }
}
