package org.iommu4j.testkit;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Stands between a core and a driver, and carries each call out or does something else. */
interface CallInterceptor {
  /**
   * Does what is to be done for one call.
   *
   * @param call which
   * @param body carries it out
   * @return the answer; of no meaning for a callback that returns nothing
   */
  <T extends @Nullable Object> T call(DriverCall call, Supplier<T> body);

  /** As {@link #call}, for a callback that returns nothing. */
  default void run(DriverCall call, Runnable body) {
    var unused =
        call(
            call,
            () -> {
              body.run();
              return true;
            });
  }
}
