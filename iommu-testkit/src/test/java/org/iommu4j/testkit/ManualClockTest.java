package org.iommu4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ManualClockTest {
  private final ManualClock clock = new ManualClock();
  private final List<String> ran = new ArrayList<>();

  private Runnable schedule(long millis, String name) {
    return clock.schedule(Duration.ofMillis(millis), () -> ran.add(name + "@" + nowMillis()));
  }

  private long nowMillis() {
    return clock.now().toMillis();
  }

  private void advance(long millis) {
    clock.advance(Duration.ofMillis(millis));
  }

  @Test
  void nothingRunsUntilTimeIsMoved() {
    schedule(0, "a");
    assertThat(ran).isEmpty();
    assertThat(clock.pending()).isOne();
    advance(0);
    assertThat(ran).containsExactly("a@0");
    assertThat(clock.pending()).isZero();
  }

  @Test
  void tasksRunInOrderOfTimeAndThenOfScheduling() {
    schedule(20, "late");
    schedule(10, "first");
    schedule(10, "second");
    advance(19);
    assertThat(ran).containsExactly("first@10", "second@10");
    assertThat(nowMillis()).isEqualTo(19);
    advance(1);
    assertThat(ran).endsWith("late@20");
  }

  @Test
  void whatATaskSchedulesRunsIfItFallsDue() {
    clock.schedule(
        Duration.ofMillis(10),
        () -> {
          schedule(5, "child");
          schedule(50, "much later");
        });
    advance(30);
    assertThat(ran).containsExactly("child@15");
    assertThat(clock.pending()).isOne();
  }

  @Test
  void aCancelledTaskDoesNotRun() {
    Runnable cancel = schedule(10, "a");
    schedule(10, "b");
    cancel.run();
    cancel.run();
    advance(10);
    assertThat(ran).containsExactly("b@10");
    cancel.run();
  }

  @Test
  void afterAStopNothingRuns() {
    schedule(10, "a");
    clock.stop();
    schedule(10, "b");
    advance(10);
    assertThat(ran).isEmpty();
    assertThat(nowMillis()).isEqualTo(10);
  }

  @Test
  void timeDoesNotGoBack() {
    assertThatIllegalArgumentException().isThrownBy(() -> advance(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> schedule(-1, "a"));
  }

  @Test
  void whatATaskThrowsComesOutAndTheRestWaits() {
    clock.schedule(
        Duration.ofMillis(1),
        () -> {
          throw new IllegalStateException("broken task");
        });
    schedule(2, "next");
    assertThatThrownBy(() -> advance(5)).hasMessage("broken task");
    assertThat(nowMillis()).isEqualTo(1);
    advance(1);
    assertThat(ran).containsExactly("next@2");
  }
}
