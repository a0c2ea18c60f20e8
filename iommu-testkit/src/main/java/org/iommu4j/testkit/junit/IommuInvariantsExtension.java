package org.iommu4j.testkit.junit;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.IommuCore;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.IommuInvariants;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Asks the oracle after every test about the cores and machines that the test made.
 *
 * <pre>{@code
 * @RegisterExtension
 * final IommuInvariantsExtension invariants = new IommuInvariantsExtension();
 *
 * @Test
 * void aNicDoesDma() {
 *   var machine = invariants.watch(FakeMachine.builder().device(nic).soft(SoftIommu::on).build());
 *   ...
 * }
 * }</pre>
 *
 * <p>A machine is checked as the test left it, then closed, then checked for leaks. A core is
 * checked and left alone. What was watched is forgotten after the test. Keep the extension in a
 * field of the test object: in a static one, tests that run at the same time would share it.
 */
public final class IommuInvariantsExtension implements AfterEachCallback {
  private final List<IommuCore> cores = new CopyOnWriteArrayList<>();
  private final List<FakeMachine> machines = new CopyOnWriteArrayList<>();
  private final List<String> allowed = new CopyOnWriteArrayList<>();

  /** Creates an extension that watches nothing yet. */
  public IommuInvariantsExtension() {}

  /**
   * Watches a core until the end of the test.
   *
   * @param core made by the test
   * @return the core
   */
  public IommuCore watch(IommuCore core) {
    cores.add(core);
    return core;
  }

  /**
   * Watches a machine until the end of the test, and closes it then.
   *
   * @param machine made by the test
   * @return the machine
   */
  public FakeMachine watch(FakeMachine machine) {
    machines.add(machine);
    return machine;
  }

  /**
   * Says that a test provokes violations.
   *
   * @param token of the violation, for example {@code release-refused}
   */
  public void allow(String token) {
    allowed.add(token);
  }

  @Override
  public void afterEach(ExtensionContext context) {
    String[] tokens = allowed.toArray(new String[0]);
    try {
      cores.forEach(core -> IommuInvariants.check(core, tokens));
      machines.forEach(machine -> check(machine, tokens));
    } finally {
      machines.forEach(FakeMachine::closeForced);
      cores.clear();
      machines.clear();
      allowed.clear();
    }
  }

  private static void check(FakeMachine machine, String... tokens) {
    IommuInvariants.check(machine, tokens);
    try {
      machine.close();
    } catch (IommuException owned) {
      if (owned.errno() != Errno.EBUSY) {
        throw owned;
      }
      throw new AssertionError("the test left groups owned: " + owned.getMessage(), owned);
    }
    IommuInvariants.check(machine, tokens);
  }
}
