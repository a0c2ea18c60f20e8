package org.iommu4j.fake;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** What callbacks do besides their duty: fail, throw, answer null, call back. */
public final class Hooks {
  /** Any subject. */
  public static final String ANY = "*";

  private static final int FOR_EVER = Integer.MAX_VALUE;

  private final Map<String, List<Plan>> plans = new HashMap<>();

  Hooks() {}

  /** One planned deed; it comes due when the counter of matching calls reaches it. */
  private static final class Plan {
    final String subject;
    final Runnable deed;
    int skip;
    int times;

    Plan(String subject, int skip, int times, Runnable deed) {
      this.subject = subject;
      this.skip = skip;
      this.times = times;
      this.deed = deed;
    }
  }

  private void plan(String callback, Plan plan) {
    plans.computeIfAbsent(callback, unused -> new ArrayList<>()).add(plan);
  }

  /** Runs something inside every call of a callback. */
  public void on(String callback, Runnable body) {
    plan(callback, new Plan(ANY, 0, FOR_EVER, body));
  }

  /** Runs something inside the next call of a callback for one subject. */
  public void once(String callback, String subject, Runnable body) {
    plan(callback, new Plan(subject, 0, 1, body));
  }

  /** Makes the next call of a callback for one subject fail. */
  public void fail(String callback, String subject, Errno errno) {
    fail(callback, subject, 0, errno);
  }

  /** Lets some calls pass, then makes one fail. */
  public void fail(String callback, String subject, int skip, Errno errno) {
    plan(callback, new Plan(subject, skip, 1, refusal(callback, errno)));
  }

  /** Makes every call of a callback for one subject fail. */
  public void failAlways(String callback, String subject, Errno errno) {
    plan(callback, new Plan(subject, 0, FOR_EVER, refusal(callback, errno)));
  }

  private static Runnable refusal(String callback, Errno errno) {
    return () -> {
      throw new IommuException(errno, callback + " as the test wishes");
    };
  }

  /** Makes the next call of a callback throw what no callback may throw. */
  public void throwNext(String callback, Supplier<? extends RuntimeException> unexpected) {
    plan(
        callback,
        new Plan(
            ANY,
            0,
            1,
            () -> {
              throw unexpected.get();
            }));
  }

  /** Makes the next call of a callback throw an error. */
  public void errorNext(String callback, Supplier<? extends Error> unexpected) {
    plan(
        callback,
        new Plan(
            ANY,
            0,
            1,
            () -> {
              throw unexpected.get();
            }));
  }

  /** Makes the next call of a callback answer null. */
  public void nullNext(String callback) {
    plan(
        callback,
        new Plan(
            ANY,
            0,
            1,
            () -> {
              throw new AnswerNull();
            }));
  }

  /** Thrown by a hook to make a callback return null. */
  static final class AnswerNull extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** Forgets all plans. */
  public void clear() {
    plans.clear();
  }

  /** Called by the fakes inside each callback. */
  void enter(String callback, Object subject) {
    for (Plan plan : List.copyOf(plans.getOrDefault(callback, List.of()))) {
      if (!plan.subject.equals(ANY) && !plan.subject.equals(subject.toString())) {
        continue;
      }
      if (plan.skip > 0) {
        plan.skip--;
      } else if (plan.times > 0) {
        plan.times = plan.times == FOR_EVER ? FOR_EVER : plan.times - 1;
        plan.deed.run();
      }
    }
  }
}
