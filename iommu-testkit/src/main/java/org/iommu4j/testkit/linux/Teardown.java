package org.iommu4j.testkit.linux;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The steps of one removal, run one after the other; a step that has to wait is gone on with later.
 *
 * <p>Guarded by the lock of {@link LinuxPci}.
 */
final class Teardown implements Removal {
  /** One step. */
  interface Step {
    /**
     * Does it.
     *
     * @param later runs once the step is over
     * @return false if it is not over yet
     */
    boolean run(Runnable later);
  }

  private final Deque<Step> steps = new ArrayDeque<>();
  private final Runnable resume;
  private @Nullable Step waitingFor;
  private volatile boolean finished;

  /**
   * Creates a removal without steps.
   *
   * @param lock makes a call run under the lock
   */
  Teardown(java.util.function.Consumer<Runnable> lock) {
    this.resume = () -> lock.accept(this::goOn);
  }

  void add(Step step) {
    steps.add(step);
  }

  /** Adds a step that never waits. */
  void add(Runnable step) {
    steps.add(
        later -> {
          step.run();
          return true;
        });
  }

  /** Adds steps before those that are left. */
  void addFirst(Step step) {
    steps.addFirst(step);
  }

  private void goOn() {
    if (waitingFor != null) {
      waitingFor = null;
      run();
    }
  }

  void run() {
    while (waitingFor == null) {
      Step step = steps.poll();
      if (step == null) {
        finished = true;
        return;
      }
      waitingFor = step;
      if (step.run(resume)) {
        waitingFor = null;
      }
    }
  }

  @Override
  public boolean finished() {
    return finished;
  }
}
