package org.iommu4j.tests.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.iommu4j.api.Errno;
import org.iommu4j.testkit.conformance.FaultPlan;
import org.iommu4j.testkit.conformance.FaultPlan.Fault;
import org.junit.jupiter.api.Test;

/** Fault injection of the trace format. */
class FaultPlanTest {
  private final FaultPlan plan = new FaultPlan();

  @Test
  void theNthMatchingCallFailsOnce() {
    Fault fault = Fault.of(Errno.EIO);
    plan.failOnce("attach", "a", 2, fault);
    assertThat(plan.next("attach", "a")).isNull();
    assertThat(plan.next("attach", "b")).isNull();
    assertThat(plan.next("map_pages", "a")).isNull();
    assertThat(plan.next("attach", "a")).isSameAs(fault);
    assertThat(plan.next("attach", "a")).isNull();
  }

  @Test
  void everyPendingFaultCountsAndTheOldestDecides() {
    Fault older = Fault.of(Errno.EIO);
    Fault younger = Fault.of(Errno.EBUSY);
    Fault later = Fault.of(Errno.ENOSPC);
    plan.failOnce("attach", "*", 1, older);
    plan.failOnce("attach", "a", 1, younger);
    plan.failOnce("attach", "a", 2, later);
    assertThat(plan.next("attach", "a")).isSameAs(older);
    assertThat(plan.next("attach", "a")).isSameAs(later);
    assertThat(plan.next("attach", "a")).isNull();
  }

  @Test
  void alwaysNeverExpiresUntilCleared() {
    plan.failAlways("attach", "*", Fault.of(Errno.EIO));
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> plan.check("attach", "a")).hasMessageStartingWith("EIO");
    }
    plan.clear();
    plan.check("attach", "a");
  }
}
