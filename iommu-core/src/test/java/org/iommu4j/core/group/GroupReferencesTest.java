package org.iommu4j.core.group;

import static org.assertj.core.api.Assertions.assertThat;

import org.iommu4j.core.group.GroupReferences.Dropped;
import org.junit.jupiter.api.Test;

class GroupReferencesTest {
  private static final int ROUNDS = 1_000_000;

  private final GroupReferences references = new GroupReferences();

  @Test // CORE-027
  void theLastOneEndsTheGroup() {
    assertThat(references.tryTake()).isTrue();
    assertThat(references.drop()).isEqualTo(Dropped.DONE);
    assertThat(references.drop()).isEqualTo(Dropped.LAST);
    assertThat(references.drop()).isEqualTo(Dropped.GONE);
    assertThat(references.tryTake()).isFalse();
    assertThat(references.all()).isZero();
  }

  @Test // CORE-026
  void thoseOfMembersAreNotDroppedByConsumers() {
    references.adopt();
    assertThat(references.exceedMembers()).isFalse();
    assertThat(references.drop()).isEqualTo(Dropped.REFUSED);
    assertThat(references.tryTake()).isTrue();
    assertThat(references.exceedMembers()).isTrue();
    assertThat(references.drop()).isEqualTo(Dropped.DONE);
    assertThat(references.dropOfMember()).isTrue();
    assertThat(references.drop()).isEqualTo(Dropped.GONE);
  }

  /** Members come and go so often that a consumer who reads the counts apart is refused. */
  @Test // CORE-026
  void aNewcomerDoesNotHideWhatAConsumerHolds() throws InterruptedException {
    references.adopt();
    Thread members = new Thread(this::comeAndGo);
    members.setDaemon(true);
    members.start();
    int refused = 0;
    while (members.isAlive()) {
      references.tryTake();
      refused += references.drop() == Dropped.DONE ? 0 : 1;
    }
    members.join();
    assertThat(refused).isZero();
    assertThat(references.all()).isOne();
  }

  private void comeAndGo() {
    for (int round = 0; round < ROUNDS; round++) {
      references.tryTake();
      references.adopt();
      references.dropOfMember();
    }
  }
}
