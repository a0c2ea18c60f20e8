package org.iommu4j.fake;

import java.util.function.Supplier;
import org.iommu4j.api.IommuException;
import org.jspecify.annotations.Nullable;

/** How a fake runs a callback: hooks first, then its duty, then one line with the outcome. */
final class Witness {
  final Journal journal;
  final Hooks hooks;
  private int domains;

  Witness(Journal journal, Hooks hooks) {
    this.journal = journal;
    this.hooks = hooks;
  }

  /** The next domain's number. */
  int nextDomain() {
    return ++domains;
  }

  /** A callback without an answer. */
  void run(String callback, Object subject, String line, Runnable duty) {
    this.<@Nullable Void>call(
        callback,
        subject,
        line,
        "",
        () -> {
          duty.run();
          return null;
        });
  }

  /** A callback whose answer stands in the line after the text given. */
  <T extends @Nullable Object> T call(
      String callback, Object subject, String line, String showAs, Supplier<T> duty) {
    try {
      hooks.enter(callback, subject);
      T answer = duty.get();
      journal.add(showAs.isEmpty() ? line : line + showAs + answer);
      return answer;
    } catch (Hooks.AnswerNull wanted) {
      journal.add(line + " = null");
      return nothing();
    } catch (IommuException refused) {
      journal.add(line + " = " + refused.errno());
      throw refused;
    } catch (Throwable unexpected) {
      journal.add(line + " threw " + unexpected.getClass().getSimpleName());
      throw unexpected;
    }
  }

  /** Null, where the types say that there is none: a driver can do that. */
  @SuppressWarnings({"NullAway", "TypeParameterUnusedInFormals"})
  static <T extends @Nullable Object> T nothing() {
    return null;
  }
}
