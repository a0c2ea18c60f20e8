package org.iommu4j.testkit.conformance;

import org.iommu4j.api.IommuException;

/** An op that was understood. */
@FunctionalInterface
interface Action {
  /** The result of an op that has none. */
  String OK = "ok";

  /** The result of an op that may fail, if it did not. */
  String SUCCESS = "0";

  /**
   * Does it.
   *
   * @return the result
   * @throws IommuException whose errno is the result
   * @throws HazardException if it cannot be done at this moment
   */
  String run(Session session);

  /** An action that only works or fails. */
  static Action success(Step step) {
    return session -> {
      step.run(session);
      return SUCCESS;
    };
  }

  /** An action without a result. */
  static Action ok(Step step) {
    return session -> {
      step.run(session);
      return OK;
    };
  }

  static String yesNo(boolean yes) {
    return yes ? "yes" : "no";
  }

  static String hex(long number) {
    return "0x" + Long.toHexString(number);
  }

  /** What an action does. */
  @FunctionalInterface
  interface Step {
    void run(Session session);
  }
}
